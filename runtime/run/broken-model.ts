/** What to look for in a model whose numbers are none from the start. */
export const BROKEN_MODEL_HINT =
  "look for a weight that is not a number, or a value in config.json that makes one, such as an epsilon or a base of 0";
