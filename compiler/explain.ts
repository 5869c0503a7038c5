/** A plan for people: stages, parameters before and after by axis, kernels, FLOPs, memory. Data first, then text. */
import type { Arithmetic } from "../kernels/operand.js";
import type {
  ChoiceEntry,
  DistillStage,
  KeptLogits,
  ModelLayout,
  Plan,
  Program,
  ScoreStage,
  Stage,
  Sweep,
} from "./plan.js";

export interface ProgramReport {
  readonly name: string;
  readonly dispatches: number;
  readonly kernels: number;
  readonly flops: number;
  readonly scratchBytes: number;
}

export interface StageReport {
  readonly kind: Stage["kind"];
  readonly title: string;
  readonly details: readonly string[];
  /** FLOPs of the whole stage. */
  readonly flops: number;
  readonly programs: readonly ProgramReport[];
}

export interface ModelReport {
  readonly name: string;
  readonly parameters: number;
  readonly axes: Readonly<Record<string, number>>;
  readonly weightBytes: number;
  readonly flopsPerToken: number;
}

export interface Explanation {
  readonly models: readonly ModelReport[];
  readonly stages: readonly StageReport[];
  readonly kernels: number;
  readonly flops: number;
  /** The most device memory that any stage needs at once, in bytes. */
  readonly peakBytes: number;
}

const bytes = (value: number): string => `${(value / 2 ** 20).toFixed(1)} MiB`;

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

const programReport = (plan: Plan, name: string): ProgramReport => {
  const program: Program | undefined = plan.programs[name];
  const dispatches = program?.dispatches ?? [];
  return {
    name,
    dispatches: dispatches.length,
    kernels: new Set(dispatches.map((dispatch) => dispatch.launches[0]?.kernel)).size,
    flops: sum(dispatches.map((dispatch) => dispatch.flops)),
    scratchBytes: sum(
      (program?.buffers ?? [])
        .filter((buffer) => buffer.role !== "state")
        .map((buffer) => buffer.bytes),
    ),
  };
};

interface Run {
  readonly program: string;
  readonly times: number;
}

/** Which programs a sweep runs, and how often. */
const sweepRuns = ({ windows, batches, finish, streaming }: Sweep): Run[] => {
  const batchRuns = (of: Sweep["batches"]): Run[] => {
    let left = windows;
    return of.map((batch) => {
      const times = Math.floor(left / batch.windows);
      left -= times * batch.windows;
      return { program: batch.program, times };
    });
  };
  const segments = (streaming?.segments ?? []).flatMap((segment) => [
    ...batchRuns(segment.batches),
    ...(segment.conclude === null ? [] : [{ program: segment.conclude, times: 1 }]),
  ]);
  return [...batchRuns(batches), ...segments, { program: finish, times: 1 }];
};

/** How many texts of a length there are is not known before they are read. */
const lengthRuns = ({ lengths }: Pick<ChoiceEntry, "lengths">): Run[] =>
  lengths.map(({ program }) => ({ program, times: 1 }));

const sweepsOf = (stage: Stage): readonly Sweep[] =>
  stage.kind === "score"
    ? stage.pass.kind === "sweep"
      ? [stage.pass.sweep]
      : []
    : stage.kind === "evaluate"
      ? stage.entries.map(({ sweep }) => sweep)
      : [];

const runsOf = (stage: Stage): Run[] => {
  switch (stage.kind) {
    case "score":
      return stage.pass.kind === "sweep" ? sweepRuns(stage.pass.sweep) : lengthRuns(stage.pass);
    case "distill":
      return [
        ...(stage.kept === null
          ? []
          : [
              {
                program: stage.kept.program,
                times: Math.ceil(stage.kept.total / stage.kept.windows),
              },
            ]),
        { program: stage.gradient, times: (stage.steps * stage.windows) / stage.micro },
        { program: stage.update, times: stage.steps },
      ];
    case "evaluate":
      return [
        ...stage.entries.flatMap((entry) => sweepRuns(entry.sweep)),
        ...stage.choices.flatMap(lengthRuns),
      ];
    case "open":
    case "random":
    case "prune":
    case "rank":
    case "expect":
    case "export":
      return [];
    default:
      return stage satisfies never;
  }
};

const axesText = (layout: ModelLayout | undefined): string =>
  Object.entries(layout?.axes ?? {})
    .map(([axis, size]) => `${axis} ${size}`)
    .join(", ");

/** What changes results and is not the default. */
const arithmeticText = ({ arithmetic }: { readonly arithmetic: Arithmetic }): string[] =>
  arithmetic === "f32"
    ? []
    : [`products with weights that are not trained in ${arithmetic}, added up in f32`];

const lookedAt = ({ pass }: ScoreStage): string =>
  pass.kind === "sweep"
    ? `${pass.sweep.data}, ${pass.sweep.windows} windows`
    : `${pass.questions === null ? "the" : pass.questions} questions of ${pass.data}`;

/** What a teacher's logits take on disk. */
const keptText = (plan: Plan, { teacher, data }: DistillStage, kept: KeptLogits): string => {
  const tokens = kept.total * (plan.data[data]?.window ?? 0);
  const each = kept.tokenBytes;
  const many = tokens.toLocaleString("en");
  return `the ${kept.count} largest logits of ${teacher} kept on disk and read in its place: ${many} tokens x ${each} bytes, ${bytes(tokens * each)}`;
};

const describe = (plan: Plan, stage: Stage): { title: string; details: string[] } => {
  switch (stage.kind) {
    case "open":
      return {
        title: `open ${stage.model} from ${stage.path}`,
        details: [axesText(plan.models[stage.model])],
      };
    case "random":
      return {
        title: `random ${stage.model} of the shape of ${stage.like}`,
        details: [axesText(plan.models[stage.model])],
      };
    case "score":
      return {
        title: `score ${stage.name} of ${stage.model} on ${lookedAt(stage)}`,
        details: [
          ...stage.tables.map(
            (table) =>
              `${table.axis} by ${table.criterion}${table.along.length === 0 ? "" : `, ranked per ${table.along.map((axis) => axis.name).join(" and ")}`}`,
          ),
          ...arithmeticText(stage),
        ],
      };
    case "prune":
      return {
        title: `prune ${stage.name} from ${stage.source} using ${stage.scores}`,
        details: stage.cuts.map((cut) => `${cut.axis} ${cut.from} -> ${cut.keep}`),
      };
    case "distill":
      return {
        title: `distill ${stage.name} from ${stage.teacher ?? "labels alone"} on ${stage.data}`,
        details: [
          ...(stage.kept === null ? [] : [keptText(plan, stage, stage.kept)]),
          `${stage.steps} steps of ${stage.windows} windows (${stage.windows / stage.micro} micro-batches of ${stage.micro})`,
          `${bytes(stage.activationBytes)} of activations kept for the backward pass, which computes again ${stage.recompute === "cheap" ? "what is cheap" : "every layer"}`,
          ...arithmeticText(stage),
        ],
      };
    case "evaluate":
      return {
        title: `evaluate ${[...stage.entries, ...stage.choices].map((entry) => entry.model).join(", ")}`,
        details: [
          ...stage.entries
            .slice(0, 1)
            .map((e) => `${e.metrics.join(", ")} on ${e.sweep.data}, ${e.sweep.windows} windows`),
          ...stage.choices
            .slice(0, 1)
            .map(
              (e) =>
                `${e.metrics.map(({ name }) => name).join(", ")} on the questions of ${e.data}`,
            ),
          ...arithmeticText(stage),
        ],
      };
    case "rank":
      return {
        title: `rank ${stage.of} by ${stage.metric}`,
        details: [
          `${stage.candidates.length} candidates, of which ${stage.keep ?? "all"} go on`,
          ...stage.candidates.map(
            ({ model, sizes }) =>
              `${model}: ${Object.entries(sizes)
                .map(([axis, size]) => `${axis} ${size}`)
                .join(", ")}, ${plan.models[model]?.parameters.toLocaleString("en")} parameters`,
          ),
        ],
      };
    case "expect":
      return { title: "expect", details: stage.conditions.map((condition) => condition.text) };
    case "export":
      return { title: `export ${stage.model} to ${stage.path}`, details: [stage.dtype] };
    default:
      return stage satisfies never;
  }
};

const stageReport = (plan: Plan, stage: Stage): StageReport => {
  const runs = runsOf(stage);
  const programs = [...new Set(runs.map((run) => run.program))].map((p) => programReport(plan, p));
  const flopsOf = new Map(programs.map((program) => [program.name, program.flops]));
  const flops = sum(runs.map((run) => run.times * (flopsOf.get(run.program) ?? 0)));
  return { kind: stage.kind, ...describe(plan, stage), flops, programs };
};

const stateBytes = (plan: Plan, programs: readonly string[]): number => {
  const states = new Map<string, number>();
  for (const name of programs)
    for (const buffer of plan.programs[name]?.buffers ?? [])
      if (buffer.role === "state") states.set(buffer.id, buffer.bytes);
  return sum([...states.values()]);
};

export const explainPlan = (plan: Plan): Explanation => {
  const stages = plan.stages.map((stage) => stageReport(plan, stage));
  const models = Object.values(plan.models).map((layout) => ({
    name: layout.name,
    parameters: layout.parameters,
    axes: layout.axes,
    weightBytes: layout.bytes,
    flopsPerToken: layout.flopsPerToken,
  }));
  const scratch = new Map(
    stages.flatMap(({ programs }) => programs.map((p) => [p.name, p.scratchBytes] as const)),
  );
  const together = (programs: readonly string[]): number =>
    sum(programs.map((name) => scratch.get(name) ?? 0)) + stateBytes(plan, programs);
  // One model after the other.
  const peaks = plan.stages.flatMap((stage) =>
    stage.kind === "distill"
      ? [
          together([stage.gradient, stage.update]),
          ...(stage.kept === null ? [] : [together([stage.kept.program])]),
        ]
      : sweepsOf(stage).map(
          (sweep) =>
            sweep.streaming?.peakBytes ?? together(sweepRuns(sweep).map(({ program }) => program)),
        ),
  );
  return {
    models,
    stages,
    kernels: Object.keys(plan.kernels).length,
    flops: sum(stages.map((stage) => stage.flops)),
    peakBytes: Math.max(0, ...peaks),
  };
};

const SCALES = [
  [1e12, "T"],
  [1e9, "G"],
  [1e6, "M"],
  [1e3, "K"],
] as const;

const short = (value: number, unit: string): string => {
  const [scale, suffix] = SCALES.find(([size]) => value >= size) ?? [1, ""];
  return `${(value / scale).toPrecision(3)} ${suffix}${unit}`;
};

/** A table of axes: one row per axis, one column per distinct shape. */
const axisTable = (models: readonly ModelReport[]): string[] => {
  const names = Object.keys(models[0]?.axes ?? {});
  const row = (head: string, cells: readonly string[]): string =>
    `  ${head.padEnd(12)}${cells.map((cell) => cell.padStart(14)).join("")}`;
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
      "weights f32",
      models.map((model) => bytes(model.weightBytes)),
    ),
    row(
      "FLOPs/token",
      models.map((model) => short(model.flopsPerToken, "")),
    ),
  ];
};

/** The explanation as text. */
export const explainText = (explanation: Explanation): string => {
  const lines = [...axisTable(explanation.models), ""];
  explanation.stages.forEach((stage, index) => {
    lines.push(`${index + 1}. ${stage.title}`);
    for (const detail of stage.details) lines.push(`     ${detail}`);
    for (const program of stage.programs)
      lines.push(
        `     ${program.name}: ${program.dispatches} dispatches of ${program.kernels} kernels, ${short(program.flops, "FLOP")}, ${bytes(program.scratchBytes)} besides weights`,
      );
    if (stage.flops > 0) lines.push(`     ${short(stage.flops, "FLOP")} in all`);
  });
  lines.push(
    "",
    `${explanation.kernels} kernels, ${short(explanation.flops, "FLOP")}, at most ${bytes(explanation.peakBytes)} of device memory at once`,
  );
  return `${lines.join("\n")}\n`;
};
