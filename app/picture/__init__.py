"""What is to be seen of an answer: panels, strips, words, and every fact of appearance."""
