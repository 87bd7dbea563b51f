"""What a loss on the plane is: the formula, its readings, and the built-in landscapes. It knows nothing of motion."""

from landscapes import angular, classics, curvature, neurons  # noqa: F401  (fill the registry, in this order)
from landscapes.calculus import eigenvalues as eigenvalues
from landscapes.calculus import gradient_norm as gradient_norm
from landscapes.calculus import quantity as quantity
from landscapes.calculus import sharpness as sharpness
from landscapes.grammar import Declaration as Declaration
from landscapes.grammar import FormulaError as FormulaError
from landscapes.grammar import parse as parse
from landscapes.landscape import LANDSCAPES as LANDSCAPES
from landscapes.landscape import FunctionLandscape as FunctionLandscape
from landscapes.landscape import Invariance as Invariance
from landscapes.landscape import Landscape as Landscape
from landscapes.landscape import Local as Local
from landscapes.landscape import named as named
from landscapes.landscape import register as register
from landscapes.landscape import typed as typed
