/** Of one number; of two logits that a softmax would make shares of, that of the second is `sigmoid(second - first)`. */
export const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))
