"""Ten words that the pages use, each in two plain lines."""

TERMS = {
    "twin": (
        "The run without weight decay that walks the same path, at a learning rate that the theorem writes. It is "
        "simulated on its own; that both agree is what the picture shows."
    ),
    "effective learning rate": (
        "η/‖w‖² (for plain steps): how far a step turns the weights. On a loss that ignores length only the turn matters, "
        "so short weights learn fast and long ones slowly, whatever η is."
    ),
    "intrinsic learning rate": (
        "ηλ, learning rate times weight decay. On a loss that ignores length runs with one ηλ come to the same in the "
        "long run, however it is split between the two."
    ),
    "κ": (
        "η/(a‖w‖²) with a = 1 − ηλ: the direction and κ are all that there is to such a run, and a step of the two is a "
        "step of it."
    ),
    "edge of stability": (
        "The sharpness at which a step just overshoots its valley: 2/η for plain descent, other numbers for other rules. "
        "Above it the run bounces outwards; often it is pushed back to where the valley is wider."
    ),
    "predictive": (
        "Up to the marked step the path is the path. Beyond it rounding errors have grown to the size of the picture: "
        "what is drawn is a typical run and no longer the run."
    ),
    "Lyapunov exponent": (
        "How fast small errors grow, per step, in natural logarithms: at 0.07 they double every ten steps. Above 0 the "
        "run is chaotic; at 0 or below it forgives."
    ),
    "certified": (
        "Arithmetic that carries a bound of its own error and takes as many digits as it needs. Every point is proven to "
        "a billionth of its norm; it is slow."
    ),
    "ghost": (
        "The same run from a start that differs in its last binary digit. As long as both agree, that digit does not "
        "matter."
    ),
    "regime": (
        "What a run has come to: at rest, going round in a period, regular, chaotic, gone from the plane, or not settled "
        "yet."
    ),
}
THEOREM = (
    r"w_{t+1} = (1-\eta\lambda)\,w_t - \eta\,\nabla L(w_t)",
    r"v_t = a^{-t}\,w_t,\qquad a = 1-\eta\lambda,\qquad \nabla L(c\,w) = \nabla L(w)/c",
    r"v_{t+1} = v_t - \eta\,a^{-2t-1}\,\nabla L(v_t)",
)
"""weight decay, what is substituted, and the run without it at a rate that grows: for plain steps at constant rates"""
