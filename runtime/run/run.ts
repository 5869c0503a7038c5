/**
 * A run: a plan, an output folder, a device. Stages go in order, each committed to the journal; `resumeRun` goes on
 * from the journal alone, to the same bits (DESIGN, "Trust").
 */
import { createHash } from "node:crypto";
import { mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import writeFileAtomic from "write-file-atomic";
import type { Chapter, Part, Plan } from "../../compiler/plan.js";
import { openDevice } from "../device.js";
import { RunError, systemCode, systemReason } from "../errors.js";
import { createExecutor, type Executor } from "../execute.js";
import { createTuning } from "../tune.js";
import { adapterIdentity } from "./adapter-identity.js";
import { checkAdapter, checkWeights, modelsInF16 } from "./arithmetic.js";
import { taskOf } from "./candidacy.js";
import { closeFiles, modelNamed, type RunContext } from "./context.js";
import type { Measure, Speed } from "./evaluate.js";
import type { Verdict } from "./expect.js";
import { checkDisk, checkFits, checkStageFits } from "./fits.js";
import { openInputs } from "./inputs.js";
import { Interrupted } from "./interrupted.js";
import { createJournal, type Journal, readJournal, workFolder } from "./journal.js";
import {
  type Lock,
  type LockInputs,
  lockInputs,
  lockOf,
  planText,
  readLock,
  writeLock,
} from "./lock.js";
import { changesLine, differenceLine, pinnedTuning } from "./lock-changes.js";
import { openMetricsLog } from "./metrics-log.js";
import { isLeftOut } from "./rank.js";
import type { Reporter } from "./reporter.js";
import { readSpecRecord, type SpecRecord, writeSpecRecord } from "./spec-record.js";
import {
  afterCommit,
  type DoneResult,
  isWhole,
  restoreStage,
  runStage,
  type StageResult,
} from "./stages.js";
import {
  type Course,
  continued,
  heaviest,
  isCompiled,
  type Supply,
  toTheEnd,
  withinPlan,
  withPart,
} from "./supply.js";
import { stageDetail, stageSummary, stageTitle } from "./words.js";
import { writeWhole } from "./write-whole.js";

export interface RunOutcome {
  readonly out: string;
  readonly interrupted: boolean;
  readonly adapter: string;
  readonly seconds: number;
  readonly models: readonly { readonly name: string; readonly parameters: number }[];
  readonly measures: readonly Measure[];
  /** How fast evaluated models read, where that could be told. */
  readonly speeds: readonly Speed[];
  /** Each stage and how long it took. */
  readonly stages: readonly { readonly stage: string; readonly seconds: number }[];
  readonly verdicts: readonly Verdict[];
  readonly exports: readonly string[];
  /** The most at once; on a software adapter the device's memory is the process's. Null where nothing was run. */
  readonly memory: Memory | null;
}

export interface Memory {
  /** Bytes of buffers. */
  readonly device: number;
  /** Resident bytes. */
  readonly process: number;
}

interface Session extends Course {
  readonly journal: Journal;
  readonly out: string;
  /** What the user asked for; null keeps the journal's adapter. */
  readonly adapter: string;
  /** Folder in which scores are kept from run to run. */
  readonly scores: string;
  readonly reporter: Reporter;
  readonly interrupted: () => boolean;
}

export const hashPlan = (plan: Plan): string =>
  createHash("sha256").update(planText(plan)).digest("hex");

const planPath = (out: string): string => join(workFolder(out), "plan.json");

const resultsOf = (journal: Journal): StageResult[] =>
  journal.data().stages.map((stage) => stage.result as StageResult);

const memoryOf = (executor: Executor | null): Memory | null =>
  executor === null
    ? null
    : { device: executor.memory().peak, process: process.resourceUsage().maxRSS * 1024 };

const outcomeOf = (
  session: Pick<Session, "plan" | "journal" | "out">,
  seconds: number,
  interrupted: boolean,
  executor: Executor | null,
): RunOutcome => {
  const results = resultsOf(session.journal);
  return {
    out: session.out,
    interrupted,
    adapter: session.journal.data().adapter,
    seconds,
    models: Object.values(session.plan.models).map(({ name, parameters }) => ({
      name,
      parameters,
    })),
    measures: results.flatMap((r) => (r.kind === "evaluate" ? r.measures : [])),
    speeds: results.flatMap((r) => (r.kind === "evaluate" ? r.speeds : [])),
    stages: session.journal.data().stages.map(({ index, kind, seconds }) => {
      const stage = session.plan.stages[index];
      return { stage: stage === undefined ? kind : stageTitle(stage), seconds };
    }),
    verdicts: results.flatMap((result) => (result.kind === "expect" ? result.verdicts : [])),
    exports: results.flatMap((result) => (result.kind === "export" ? [result.folder] : [])),
    memory: memoryOf(executor),
  };
};

/** What stages need besides their context. */
interface Running {
  readonly supply: Supply;
  /** The adapter's largest buffer, in bytes. */
  readonly largest: number;
  /** Models whose weights f16 can say. */
  readonly inRange: Set<string>;
}

/** Compiles a stage that waited for its turn. */
const compiled = ({ executor }: RunContext, { supply, largest }: Running, index: number): Part => {
  const part = supply.part(index);
  checkStageFits(part.stage, part.programs, largest);
  executor.addKernels(part.kernels);
  return part;
};

const doStage = async (
  context: RunContext,
  running: Running,
  index: number,
  listed: Chapter["stages"][number],
): Promise<DoneResult> => {
  const part = listed.kind === "waiting" ? compiled(context, running, index) : null;
  const stage = listed.kind === "waiting" ? part?.stage : listed;
  if (stage === undefined) throw new Error("a stage that waits is compiled");
  for (const model of modelsInF16(stage)) {
    if (!running.inRange.has(model)) await checkWeights(modelNamed(context, model).weights);
    running.inRange.add(model);
  }
  // Its programs are forgotten when it is over.
  const own = part === null ? context : { ...context, plan: withPart(context.plan, part) };
  return runStage(own, stage);
};

/** Runs what of the plan is left, from a stage on. */
const runStages = async (context: RunContext, running: Running, from: number): Promise<void> => {
  const { plan, journal, reporter } = context;
  for (const [index, stage] of plan.stages.entries()) {
    if (index < from) continue;
    const done = journal.result(index) as StageResult | undefined;
    if (done !== undefined) {
      if (isWhole(done)) await restoreStage(context, stage);
      continue;
    }
    if (context.interrupted()) throw new Interrupted();
    const kind = taskOf(stage).kind;
    // The ranking has said so: of sixty candidates, fifty such lines would hide the others.
    if (isLeftOut(context, stage)) {
      await journal.commit(index, kind, { kind: "skipped" }, 0);
      continue;
    }
    reporter.begin(stageTitle(stage), stageDetail(plan, stage));
    const began = performance.now();
    const result = await doStage(context, running, index, stage);
    await journal.commit(index, kind, result, (performance.now() - began) / 1000);
    await afterCommit(context, stage);
    reporter.end(stageSummary(plan, stage, result));
  }
};

/** Runs chapter after chapter, telling how far the plan is known by then. */
const runCourse = async (
  context: RunContext,
  running: Omit<Running, "supply">,
  begin: Course,
  reached: (course: Course) => void,
): Promise<void> => {
  let from = 0;
  for (let course: Course | null = begin; course !== null; ) {
    const { plan, supply } = course;
    reached(course);
    checkFits(plan, running.largest);
    await checkDisk(plan, context.out);
    await runStages({ ...context, plan }, { ...running, supply }, from);
    from = plan.stages.length;
    course = continued(course, context.journal);
    if (course !== null) context.executor.addKernels(course.plan.kernels);
  }
};

/** Closes the journal and writes the lock; `before` is that of an earlier run. */
const finish = async (session: Session, inputs: LockInputs, before: Lock | null): Promise<void> => {
  await session.journal.update({ complete: true });
  const { spec, tuning } = session.journal.data();
  if (spec === null) return;
  const exports = resultsOf(session.journal).flatMap((r) =>
    r.kind === "export" ? [r.folder] : [],
  );
  const lock = await lockOf(inputs, tuning, exports);
  const difference = before === null ? null : differenceLine(spec, before, lock);
  if (difference !== null) session.reporter.line(difference);
  await writeLock(spec, lock, session.reporter);
};

/** Opens the device and everything else, runs what is left, closes all of it. */
const execute = async (session: Session): Promise<RunOutcome> => {
  const started = performance.now();
  const { plan, journal, reporter } = session;
  const device = await openDevice({ adapter: session.adapter });
  let executor: Executor | null = null;
  let course: Course = session;
  const outcome = (interrupted: boolean): RunOutcome => {
    const seconds = (performance.now() - started) / 1000;
    return outcomeOf({ ...session, plan: course.plan }, seconds, interrupted, executor);
  };
  try {
    checkAdapter(plan, device.report);
    const largest = device.report.limits.maxBufferSize ?? Number.POSITIVE_INFINITY;
    checkFits(plan, largest);
    for (const index of heaviest(plan)) {
      const { stage, programs } = session.supply.part(index);
      checkStageFits(stage, programs, largest);
    }
    const identity = adapterIdentity(device.report);
    reporter.line(`adapter: ${identity}`);
    const before = journal.data().adapter;
    if (before !== "" && before !== identity)
      reporter.line(`warning: this run began on ${before}; its bits may differ from here on`);
    await journal.update({ adapter: identity });
    const { texts, hashes } = await openInputs(plan, journal.data().base);
    const { spec } = journal.data();
    const inputs = lockInputs(plan, journal.data(), hashes);
    const lock = spec === null ? null : await readLock(spec);
    const changes = spec === null || lock === null ? null : changesLine(spec, lock, inputs);
    if (changes !== null) reporter.line(changes);
    const tuning = createTuning(device.report, pinnedTuning(lock, inputs, journal.data().tuning));
    executor = createExecutor(device, plan.kernels, tuning);
    const context: RunContext = {
      plan,
      base: journal.data().base,
      out: session.out,
      executor,
      journal,
      metrics: openMetricsLog(session.out),
      reporter,
      models: new Map(),
      uploaded: new Set(),
      texts,
      programs: new Map(),
      scores: { folder: session.scores, inputs },
      interrupted: session.interrupted,
    };
    try {
      await runCourse(context, { largest, inRange: new Set() }, course, (now) => {
        course = now;
      });
    } finally {
      await closeFiles(context);
      await journal.update({ tuning: tuning.choices() });
    }
    await finish(session, inputs, lock);
    return outcome(false);
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    return outcome(true);
  } finally {
    device.close();
  }
};

export interface StartOptions {
  readonly plan: Plan;
  /** What compiles the rest of the plan, also when the run is resumed; absent where the plan was compiled whole. */
  readonly later?: { readonly supply: Supply; readonly record: SpecRecord };
  readonly spec: string | null;
  readonly base: string;
  readonly out: string;
  readonly adapter: string;
  /** Folder in which scores are kept from run to run. */
  readonly scores: string;
  /** Clear an output folder that holds another run. */
  readonly force: boolean;
  readonly reporter: Reporter;
  readonly interrupted: () => boolean;
}

const prepareFolder = async (out: string): Promise<void> => {
  try {
    await mkdir(workFolder(out), { recursive: true });
    await writeFileAtomic(join(workFolder(out), ".writable"), "");
    await rm(join(workFolder(out), ".writable"), { force: true });
  } catch (error) {
    const reason = systemReason(error) ?? systemCode(error);
    const why = reason === null ? "" : `: ${reason}`;
    throw new RunError(`cannot write to the output folder ${out}${why}`, {
      hint: "choose another --out",
    });
  }
};

/** The journal to go on with: an earlier one of the same plan, unless it is complete; else a new one. */
const journalFor = async (options: StartOptions): Promise<Journal> => {
  const plan = hashPlan(options.plan);
  const before = await readJournal(options.out);
  if (before !== null && !options.force) {
    if (before.data().plan !== plan)
      throw new RunError(`${options.out} holds the run of another spec`, {
        hint: "choose another --out, or start over with --force",
      });
    if (!before.data().complete) {
      options.reporter.line("going on with the run that this folder holds");
      return before;
    }
  }
  await rm(workFolder(options.out), { recursive: true, force: true });
  await prepareFolder(options.out);
  // What an earlier run says of itself must not be taken for this one's.
  for (const file of ["metrics.jsonl", "decisions.json", "search.json"])
    await rm(join(options.out, file), { force: true });
  await writeWhole(planPath(options.out), JSON.stringify(options.plan));
  if (options.later !== undefined) await writeSpecRecord(options.out, options.later.record);
  return createJournal(options.out, {
    plan,
    base: options.base,
    spec: options.spec,
    adapter: "",
    tuning: {},
  });
};

/** Runs a plan into a folder; goes on where an unfinished run of the same plan is found there. */
export const startRun = async (options: StartOptions): Promise<RunOutcome> => {
  await prepareFolder(options.out);
  const journal = await journalFor(options);
  const supply = options.later?.supply ?? withinPlan(options.plan);
  return execute({ ...options, journal, supply });
};

/** Goes on with the run in a folder. */
export const resumeRun = async (
  options: Pick<StartOptions, "out" | "scores" | "reporter" | "interrupted"> & {
    readonly adapter: string | null;
    /** Compiles what a plan left open, from the folder that its paths are relative to. */
    readonly recompile: (record: SpecRecord, base: string) => Promise<Course>;
  },
): Promise<RunOutcome> => {
  const journal = await readJournal(options.out);
  if (journal === null)
    throw new RunError(`${options.out} holds no run`, {
      hint: "start one with: espalier run SPEC --out DIR",
    });
  const plan = JSON.parse(await readFile(planPath(options.out), "utf8")) as Plan;
  if (hashPlan(plan) !== journal.data().plan)
    throw new RunError(`the plan in ${options.out} has been changed since the run began`);
  const course = isCompiled(plan)
    ? { plan, supply: withinPlan(plan) }
    : await options.recompile(await readSpecRecord(options.out), journal.data().base);
  if (hashPlan(course.plan) !== journal.data().plan)
    throw new RunError(
      `what is left of the run in ${options.out} cannot be compiled as it was begun: its model, the library or Espalier has changed`,
      { hint: "put them back, or start again with a new output folder" },
    );
  if (journal.data().complete)
    return outcomeOf({ ...options, ...toTheEnd(course, journal), journal }, 0, false, null);
  return execute({ ...options, ...course, journal, adapter: options.adapter ?? "auto" });
};
