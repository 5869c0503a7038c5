/** Gradients are what central differences say, of the distillation loss of random models cut from random teachers. */
import { productLaw } from "./law.js";

productLaw(
  "gradients",
  [
    {
      file: "compiler/passes/adjoint.ts",
      find: 'const delta = b.sum(b.map("mul", node, dOut), [dim]);',
      replace: "const delta = b.sum(dOut, [dim]);",
    },
    {
      file: "compiler/passes/derivative.ts",
      find: 'sqrt: (b, node, g) => b.map("div", g, b.map("mul", b.constant(2), node)),',
      replace: 'sqrt: (b, node, g) => b.map("div", g, node),',
    },
    {
      file: "compiler/passes/adjoint.ts",
      find: "return b.scatter(b.broadcast(g, full), indices, along);",
      replace:
        'return b.map("mul", b.constant(2), b.scatter(b.broadcast(g, full), indices, along));',
    },
  ],
  {
    losses: [
      "cross_entropy()",
      "kld()",
      "kld(top: 3)",
      "0.7 * kld(temperature: 2) + 0.3 * cross_entropy()",
    ],
  },
  60,
);
