/** What there is to say of a plan, as text. */
import { bytes, type DecisionReport, type Explanation, type ModelReport } from "./explain.js";

const SCALES = [
  [1e15, "P"],
  [1e12, "T"],
  [1e9, "G"],
  [1e6, "M"],
  [1e3, "K"],
] as const;

const short = (value: number, unit: string): string => {
  const [scale, suffix] = SCALES.find(([size]) => value >= size) ?? [1, ""];
  return `${(value / scale).toPrecision(3)} ${suffix}${unit}`;
};

/** As wide as the longest head of a row that is no axis. */
const HEAD = "weights on device".length;

/** A table of axes: one row per axis, one column per distinct shape. */
const axisTable = (models: readonly ModelReport[]): string[] => {
  const names = Object.keys(models[0]?.axes ?? {});
  const row = (head: string, cells: readonly string[]): string =>
    `  ${head.padEnd(HEAD)}${cells.map((cell) => cell.padStart(16)).join("")}`;
  return [
    row(
      "",
      models.map((model) => model.name),
    ),
    ...names.map((axis) =>
      row(
        axis,
        models.map((model) => String(model.axes[axis] ?? "-")),
      ),
    ),
    row(
      "parameters",
      models.map((model) => model.parameters.toLocaleString("en")),
    ),
    row(
      "weights on device",
      models.map((model) => bytes(model.weightBytes)),
    ),
    row(
      "stored there in",
      models.map((model) => model.weightTypes.join(", ")),
    ),
    row(
      "FLOPs/token",
      models.map((model) => short(model.flopsPerToken, "")),
    ),
  ];
};

/** Stages, counted from `first`, and what follows them. */
const stageLines = ({ stages, decision }: Explanation, first: number): string[] => [
  ...stages.flatMap((stage, index) => [
    `${first + index}. ${stage.title}`,
    ...stage.details.map((detail) => `     ${detail}`),
    ...stage.programs.map(
      (program) =>
        `     ${program.name}: ${program.dispatches} dispatches of ${program.kernels} kernels, ${short(program.flops, "FLOP")}, ${bytes(program.scratchBytes)} besides weights`,
    ),
    ...(stage.flops > 0 ? [`     ${short(stage.flops, "FLOP")} in all`] : []),
  ]),
  ...(decision === null ? [] : decisionLines(decision, first + stages.length)),
];

/** What follows for some of the candidates: the smallest and the largest. */
const decisionLines = (
  { search, model, candidates, ways }: DecisionReport,
  first: number,
): string[] => [
  "",
  `${model} is the best of the ${candidates} candidates of ${search}, which the run finds out.`,
  ...ways.flatMap((way, at) => [
    "",
    `Where it is ${way.from}${ways.length < 2 ? "" : at === 0 ? ", the smallest" : ", the largest"}:`,
    "",
    ...axisTable(way.models),
    "",
    ...stageLines(way, first),
  ]),
];

/** The explanation as text. */
export const explainText = (explanation: Explanation): string => {
  if (explanation.models.length === 0) return "nothing to run: there is no model in the spec\n";
  const lines = [...axisTable(explanation.models), "", ...stageLines(explanation, 1)];
  lines.push(
    "",
    `${explanation.kernels} kernels, ${short(explanation.flops, "FLOP")}, at most ${bytes(explanation.peakBytes)} of device memory at once`,
  );
  return `${lines.join("\n")}\n`;
};
