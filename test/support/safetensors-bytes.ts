/** Safetensors files put together by hand, right or wrong, so that the product's reader is not checked against its writer. */

/** A file of any header (text as it is, or a value), any claimed length, and any data. */
export const fileOf = (
  header: string | object,
  data: Uint8Array = new Uint8Array(),
  claimed?: bigint,
): Buffer => {
  const text = Buffer.from(typeof header === "string" ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(claimed ?? BigInt(text.length));
  return Buffer.concat([length, text, data]);
};

/** F32 tensors of the given values, one after another. */
export const floatsFile = (
  tensors: readonly {
    readonly name: string;
    readonly shape: readonly number[];
    readonly data: readonly number[];
  }[],
): Buffer => {
  let offset = 0;
  const entries = tensors.map(({ name, shape, data }): [string, unknown] => {
    const begin = offset;
    offset += data.length * 4;
    return [name, { dtype: "F32", shape, data_offsets: [begin, offset] }];
  });
  const values = Float32Array.from(tensors.flatMap(({ data }) => data));
  return fileOf(Object.fromEntries(entries), new Uint8Array(values.buffer));
};
