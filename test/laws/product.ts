/** What the laws are about: the product's own functions, bundled as one so that a mutant can stand in for it. */
export { check } from "../../compiler/check.js";
export { Builder } from "../../compiler/ir/build.js";
export { interpret } from "../../compiler/ir/interpret.js";
export { readArchitecture } from "../../compiler/library/architecture.js";
export { forward } from "../../compiler/library/forward.js";
export { loadLibrary } from "../../compiler/library/load.js";
export { elaborateLoss } from "../../compiler/library/loss.js";
export { resize } from "../../compiler/library/resize.js";
export { layoutOf } from "../../compiler/planning/layout.js";
export { BindingTooLarge } from "../../compiler/schedule/buffers.js";
export { lower } from "../../compiler/schedule/lower.js";
export { parse } from "../../grammar/parse.js";
export { format } from "../../grammar/print.js";
export { prune } from "../../runtime/weights/gather.js";
export { bestOf, selectKept } from "../../runtime/weights/select.js";
