/** All of an outline planned at once: for who runs it without the compiler, who reads it, or who asks whether it fits. */
import type { Chapter, Kernel, Program, WholePlan } from "../plan.js";
import type { Outline } from "./plan.js";

/** Which of the candidates that may be the best are gone on with. */
export type Choose = (contenders: Outline["contenders"]) => Outline["contenders"];

export const everyOne: Choose = (contenders) => contenders;

/** The smallest and the largest by parameters. */
export const smallestAndLargest: Choose = (contenders) => {
  const [first, ...others] = contenders.toSorted((a, b) => a.parameters - b.parameters);
  const last = others.at(-1);
  return [first, last].filter((one) => one !== undefined);
};

const entriesOf = <T>(parts: readonly Readonly<Record<string, T>>[]): [string, T][] =>
  parts.flatMap((part) => Object.entries(part));

const inOrder = (kernels: readonly [string, Kernel][]): Record<string, Kernel> =>
  Object.fromEntries(kernels.toSorted(([a], [b]) => (a < b ? -1 : 1)));

type Whole = Chapter & Pick<WholePlan, "stages">;

/** Nothing waits in what it gives; kernels of all chapters are the first one's. */
export const completed = (outline: Outline, choose: Choose): Whole => {
  const { chapter, from, contenders } = outline;
  const parts = chapter.stages.map((stage, at) =>
    stage.kind === "waiting" ? outline.part(from + at) : { stage, programs: {}, kernels: {} },
  );
  const ways = choose(contenders).map(
    ({ id }) => [String(id), completed(outline.next(id), choose)] as const,
  );
  const decided = ways.map(([id, way]) => [id, { ...way, kernels: {} }] as const);
  return {
    ...chapter,
    stages: parts.map(({ stage }) => stage),
    programs: Object.fromEntries(
      entriesOf<Program>([chapter.programs, ...parts.map(({ programs }) => programs)]),
    ),
    kernels: inOrder(
      entriesOf([chapter, ...parts, ...ways.map(([, way]) => way)].map(({ kernels }) => kernels)),
    ),
    decision:
      chapter.decision === null
        ? null
        : { ...chapter.decision, chapters: Object.fromEntries(decided) },
  };
};

/** Plans everything and keeps nothing. Throws DoesNotFit where something takes more memory than the target allows. */
export const planAll = (outline: Outline): void => {
  outline.chapter.stages.forEach((stage, at) => {
    if (stage.kind === "waiting") outline.part(outline.from + at);
  });
  for (const { id } of outline.contenders) planAll(outline.next(id));
};
