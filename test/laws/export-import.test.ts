/** What is exported and read back is the same, bit for bit. */
import { productLaw } from "./law.js";

productLaw("export-import", [
  {
    file: "runtime/formats/model-folder.ts",
    find: "data: data(dtype),",
    replace: "data: (shard[0]?.data ?? data)(dtype),",
  },
  {
    file: "runtime/formats/model-folder.ts",
    find: "[name, shardName(i, shards.length)]",
    replace: "[name, shardName(0, shards.length)]",
  },
]);
