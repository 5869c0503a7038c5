/** Numbers as a kernel's operand holds them. */
import type { Dtype } from "../../kernels/operand.js";
import { narrow, widen } from "../../runtime/formats/float16.js";

/** Values that the type holds, and how they are stored in it: in pairs, the last filled up. */
export const storedAs = (values: Float32Array, dtype: Dtype) => {
  if (dtype === "f32") return { values, data: values };
  const halves = new Uint16Array(2 * Math.ceil(values.length / 2));
  narrow(dtype, values, halves.subarray(0, values.length));
  const held = new Float32Array(values.length);
  widen(dtype, halves.subarray(0, values.length), held);
  return { values: held, data: new Uint32Array(halves.buffer) };
};
