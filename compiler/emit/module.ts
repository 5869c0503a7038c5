/**
 * The typed TypeScript module of a compiled recipe: names and sizes as literal types, and `run`, which repeats the run
 * from plan.json and the kernels beside it. Written with ts-morph, which is slow to import: only `compile --out` does.
 */
import { Project, type SourceFile, VariableDeclarationKind, Writers } from "ts-morph";
import type { ModelLayout, Plan } from "../plan.js";

export interface EmittedFile {
  /** Relative to the output folder. */
  readonly path: string;
  readonly text: string;
}

const quoted = (values: readonly string[]): string =>
  values.length === 0 ? "never" : values.map((value) => JSON.stringify(value)).join(" | ");

const addNames = (file: SourceFile, plan: Plan): void => {
  const stages = plan.stages.map((stage) => stage.kind);
  file.addTypeAlias({
    name: "ModelName",
    isExported: true,
    type: quoted(Object.keys(plan.models)),
    docs: ["Every model of the recipe: opened, pruned or distilled."],
  });
  file.addTypeAlias({
    name: "StageKind",
    isExported: true,
    type: quoted([...new Set(stages)]),
  });
};

const sizeProperties = (layout: ModelLayout) =>
  Object.entries(layout.axes).map(([name, size]) => ({
    name: JSON.stringify(name),
    type: String(size),
    isReadonly: true,
  }));

const addSizes = (file: SourceFile, plan: Plan): void => {
  file.addInterface({
    name: "Sizes",
    isExported: true,
    docs: ["The size of every axis of every model."],
    properties: Object.values(plan.models).map((layout) => ({
      name: JSON.stringify(layout.name),
      isReadonly: true,
      type: Writers.objectType({ properties: sizeProperties(layout) }),
    })),
  });
  const sizes = Object.fromEntries(Object.values(plan.models).map((m) => [m.name, m.axes]));
  const parameters = Object.fromEntries(
    Object.values(plan.models).map((m) => [m.name, m.parameters]),
  );
  file.addVariableStatement({
    isExported: true,
    declarationKind: VariableDeclarationKind.Const,
    declarations: [{ name: "sizes", type: "Sizes", initializer: JSON.stringify(sizes, null, 2) }],
  });
  file.addVariableStatement({
    isExported: true,
    declarationKind: VariableDeclarationKind.Const,
    docs: ["Parameters of each model."],
    declarations: [
      {
        name: "parameters",
        type: "Readonly<Record<ModelName, number>>",
        initializer: JSON.stringify(parameters, null, 2),
      },
    ],
  });
};

const addRun = (file: SourceFile, base: string): void => {
  file.addVariableStatement({
    isExported: true,
    declarationKind: VariableDeclarationKind.Const,
    docs: ["The plan, put together from plan.json and kernels/*.wgsl beside this file."],
    declarations: [
      {
        name: "plan",
        type: "Plan",
        initializer: `assemblePlan(
  JSON.parse(readFileSync(new URL("plan.json", import.meta.url), "utf8")),
  (id) => readFileSync(new URL(\`kernels/\${id}.wgsl\`, import.meta.url), "utf8"),
)`,
      },
    ],
  });
  file.addVariableStatement({
    isExported: true,
    declarationKind: VariableDeclarationKind.Const,
    docs: ["The folder that paths of models and data start from."],
    declarations: [
      {
        name: "base",
        initializer: `fileURLToPath(new URL(${JSON.stringify(`${base}/`)}, import.meta.url))`,
      },
    ],
  });
  file.addFunction({
    name: "run",
    isExported: true,
    docs: ["Runs the recipe into `out`; the same bits as `espalier run` on the same adapter."],
    parameters: [
      {
        name: "options",
        type: "{ readonly out: string; readonly base?: string; readonly adapter?: string }",
      },
    ],
    returnType: "Promise<RunOutcome>",
    statements: "return runPlan(plan, { base, ...options });",
  });
  file.addStatements(
    "if (process.argv[1] === fileURLToPath(import.meta.url)) await runModule(plan, base);",
  );
};

const moduleFile = (plan: Plan, base: string): { ts: string; js: string } => {
  const project = new Project({
    useInMemoryFileSystem: true,
    compilerOptions: { target: 9, module: 99, removeComments: false },
  });
  const file = project.createSourceFile("recipe.ts");
  file.addStatements(
    `// Written by \`espalier compile\` from ${plan.title}. Run it with: node recipe.mjs --out DIR`,
  );
  file.addImportDeclarations([
    { moduleSpecifier: "node:fs", namedImports: ["readFileSync"] },
    { moduleSpecifier: "node:url", namedImports: ["fileURLToPath"] },
    {
      moduleSpecifier: "espalier/runtime",
      namedImports: [
        "assemblePlan",
        { name: "Plan", isTypeOnly: true },
        { name: "RunOutcome", isTypeOnly: true },
        "runModule",
        "runPlan",
      ],
    },
  ]);
  addNames(file, plan);
  addSizes(file, plan);
  addRun(file, base);
  file.formatText({ indentSize: 2 });
  const [output] = file.getEmitOutput().getOutputFiles();
  return { ts: file.getFullText(), js: output?.getText() ?? "" };
};

/** Every file of `compile --out`. `base` leads from the output folder to the spec's, in URL form. */
export const emitModule = (plan: Plan, base: string): readonly EmittedFile[] => {
  const kernels = Object.entries(plan.kernels);
  const { kernels: _kernels, ...rest } = plan;
  const bare = Object.fromEntries(kernels.map(([id, { wgsl: _wgsl, ...kernel }]) => [id, kernel]));
  const { ts, js } = moduleFile(plan, base);
  return [
    { path: "plan.json", text: `${JSON.stringify({ ...rest, kernels: bare }, null, 1)}\n` },
    ...kernels.map(([id, { wgsl }]) => ({ path: `kernels/${id}.wgsl`, text: wgsl })),
    { path: "recipe.ts", text: ts },
    { path: "recipe.mjs", text: js },
  ];
};
