/** What there is to say of a plan: stages, parameters before and after by axis, kernels, FLOPs, memory. As data. */
import type { Arithmetic, Dtype } from "../kernels/operand.js";
import type {
  Chapter,
  ChoiceEntry,
  Cut,
  DistillStage,
  KeptLogits,
  ModelLayout,
  Plan,
  Program,
  RankStage,
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
  /** What the weights take on the device. */
  readonly weightBytes: number;
  /** The types that they have there, that of the most numbers first. */
  readonly weightTypes: readonly Dtype[];
  readonly flopsPerToken: number;
}

export interface Explanation {
  readonly models: readonly ModelReport[];
  readonly stages: readonly StageReport[];
  readonly kernels: number;
  readonly flops: number;
  /** The most device memory that any stage needs at once, in bytes. */
  readonly peakBytes: number;
  /** What follows depends on which candidate of a search is the best. */
  readonly decision: DecisionReport | null;
}

export interface DecisionReport {
  readonly search: string;
  readonly model: string;
  /** So many may be the best. */
  readonly candidates: number;
  /** What follows for some of them; nothing of it is in the sums of what goes before. */
  readonly ways: readonly (Explanation & { readonly from: string })[];
}

/** What stages refer to: their own and what went before. */
type Around = Pick<Plan, "models" | "programs" | "data">;

export const bytes = (value: number): string => `${(value / 2 ** 20).toFixed(1)} MiB`;

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

const programReport = (plan: Around, name: string): ProgramReport => {
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
    case "best":
    case "expect":
    case "export":
      return [];
    default:
      return stage satisfies never;
  }
};

/** The types of a model's weights on the device, that of the most numbers first. */
const typesOf = ({ weights }: ModelLayout): readonly Dtype[] => {
  const counts = new Map<Dtype, number>();
  for (const { dtype, dims } of weights) {
    const count = dims.flat().reduce((n, { size }) => n * size, 1);
    counts.set(dtype, (counts.get(dtype) ?? 0) + count);
  }
  return [...counts].sort(([, a], [, b]) => b - a).map(([dtype]) => dtype);
};

const sizesText = (sizes: Readonly<Record<string, number>>): string =>
  Object.entries(sizes)
    .map(([axis, size]) => `${axis} ${size}`)
    .join(", ");

const candidateText = (
  { models }: Around,
  { model, sizes }: Pick<RankStage["candidates"][number], "model" | "sizes">,
): string =>
  `${model}: ${sizesText(sizes)}, ${models[model]?.parameters.toLocaleString("en")} parameters`;

const axesText = (layout: ModelLayout | undefined): string => sizesText(layout?.axes ?? {});

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
const keptText = (plan: Around, { teacher, data }: DistillStage, kept: KeptLogits): string => {
  const tokens = kept.total * (plan.data[data]?.window ?? 0);
  const each = kept.tokenBytes;
  const many = tokens.toLocaleString("en");
  return `the ${kept.count} largest logits of ${teacher} kept on disk and read in its place: ${many} tokens x ${each} bytes, ${bytes(tokens * each)}`;
};

/** Where what goes from layer to layer waits, of a model whose weights are not on the device together. */
const layersText = ({ windows, streaming }: Sweep): string[] => {
  if (streaming === null) return [];
  const { waitingBytes, storeBytes, hostBytes, diskBytes } = streaming;
  const all = waitingBytes * windows;
  const places = [
    [storeBytes, "on the device"],
    [Math.min(hostBytes, Math.max(0, all - storeBytes - diskBytes)), "in memory"],
    [diskBytes, "on disk"],
  ] as const;
  const parts = places.flatMap(([size, where]) => (size > 0 ? [`${bytes(size)} ${where}`] : []));
  return [`layer by layer, with as much as ${parts.join(", ")} waiting between layers`];
};

const cutText = ({ axis, from, keep, units }: Cut): string =>
  `${axis} ${from} -> ${keep}${units === undefined ? "" : `, which are ${units.join(", ")}`}`;

const describe = (plan: Around, stage: Stage): { title: string; details: string[] } => {
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
          ...sweepsOf(stage).flatMap(layersText),
        ],
      };
    case "prune":
      return {
        title: `prune ${stage.name} from ${stage.source}${stage.scores === null ? "" : ` using ${stage.scores}`}`,
        details: stage.cuts.map(cutText),
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
          ...sweepsOf(stage).flatMap(layersText),
        ],
      };
    case "rank":
      return {
        title: `rank ${stage.of} by ${stage.metric}`,
        details: [
          `${stage.candidates.length} candidates, of which ${stage.keep ?? "all"} go on`,
          ...stage.candidates.map((candidate) => candidateText(plan, candidate)),
        ],
      };
    case "best":
      return {
        title: `best ${stage.model} of ${stage.search}`,
        details: [candidateText(plan, { ...stage, model: stage.from })],
      };
    case "expect":
      return { title: "expect", details: stage.conditions.map((condition) => condition.text) };
    case "export":
      return { title: `export ${stage.model} to ${stage.path}`, details: [stage.dtype] };
    default:
      return stage satisfies never;
  }
};

const stageReport = (plan: Around, stage: Stage): StageReport => {
  const runs = runsOf(stage);
  const programs = [...new Set(runs.map((run) => run.program))].map((p) => programReport(plan, p));
  const flopsOf = new Map(programs.map((program) => [program.name, program.flops]));
  const flops = sum(runs.map((run) => run.times * (flopsOf.get(run.program) ?? 0)));
  return { kind: stage.kind, ...describe(plan, stage), flops, programs };
};

const stateBytes = (plan: Around, programs: readonly string[]): number => {
  const states = new Map<string, number>();
  for (const name of programs)
    for (const buffer of plan.programs[name]?.buffers ?? [])
      if (buffer.role === "state") states.set(buffer.id, buffer.bytes);
  return sum([...states.values()]);
};

/** The most device memory that each piece of a stage needs. */
const peaksOf = (plan: Around, { programs }: StageReport, stage: Stage): readonly number[] => {
  const scratch = new Map(programs.map(({ name, scratchBytes }) => [name, scratchBytes]));
  const together = (names: readonly string[]): number =>
    sum(names.map((name) => scratch.get(name) ?? 0)) + stateBytes(plan, names);
  if (stage.kind !== "distill")
    // One model after the other.
    return sweepsOf(stage).map(
      (sweep) =>
        sweep.streaming?.peakBytes ?? together(sweepRuns(sweep).map(({ program }) => program)),
    );
  const training = together([stage.gradient, stage.update]);
  return stage.kept === null ? [training] : [training, together([stage.kept.program])];
};

const decisionReport = (around: Around, chapter: Chapter): DecisionReport | null => {
  const { decision, stages } = chapter;
  if (decision === null) return null;
  const { search, model } = decision;
  const ranked = stages.findLast((stage) => stage.kind === "rank" && stage.search === search);
  const ways = Object.values(decision.chapters).map((way) => {
    const [taken] = way.stages;
    return { from: taken?.kind === "best" ? taken.from : "", ...explainChapter(around, way) };
  });
  const candidates = ranked?.kind === "rank" ? ranked.candidates.length : 0;
  return { search, model, candidates, ways };
};

const explainChapter = (before: Around, chapter: Chapter): Explanation => {
  const plan: Around = {
    models: { ...before.models, ...chapter.models },
    programs: { ...before.programs, ...chapter.programs },
    data: before.data,
  };
  const known = chapter.stages.filter((stage) => stage.kind !== "waiting");
  const stages = known.map((stage) => stageReport(plan, stage));
  const models = Object.values(chapter.models).map((layout) => ({
    name: layout.name,
    parameters: layout.parameters,
    axes: layout.axes,
    weightBytes: layout.bytes,
    weightTypes: typesOf(layout),
    flopsPerToken: layout.flopsPerToken,
  }));
  const decision = decisionReport(plan, chapter);
  const peaks = stages.flatMap((report, at) => {
    const stage = known[at];
    return stage === undefined ? [] : peaksOf(plan, report, stage);
  });
  return {
    models,
    stages,
    kernels: Object.keys(chapter.kernels).length,
    flops: sum(stages.map((stage) => stage.flops)),
    peakBytes: Math.max(0, ...peaks, ...(decision?.ways ?? []).map(({ peakBytes }) => peakBytes)),
    decision,
  };
};

/** Explains a plan of which nothing waits. */
export const explainPlan = (plan: Plan): Explanation => explainChapter(plan, plan);
