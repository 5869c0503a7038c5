/**
 * A run: a plan, an output folder, a device. Stages go in order, each committed to the journal; `resumeRun` goes on
 * from the journal alone, to the same bits (DESIGN, "Trust").
 */
import { createHash } from "node:crypto";
import { mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import writeFileAtomic from "write-file-atomic";
import type { Plan } from "../../compiler/plan.js";
import { openDevice } from "../device.js";
import { RunError, systemCode, systemReason } from "../errors.js";
import { createExecutor, type Executor } from "../execute.js";
import { createTuning } from "../tune.js";
import { adapterIdentity } from "./adapter-identity.js";
import { checkAdapter, checkWeights, modelsInF16 } from "./arithmetic.js";
import { modelNamed, type RunContext } from "./context.js";
import type { Measure, Speed } from "./evaluate.js";
import type { Verdict } from "./expect.js";
import { checkFits } from "./fits.js";
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
import { afterCommit, isWhole, restoreStage, runStage, type StageResult } from "./stages.js";
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

interface Session {
  readonly plan: Plan;
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
  session: Session,
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

const runStages = async (context: RunContext): Promise<void> => {
  const { plan, journal, reporter } = context;
  const inRange = new Set<string>();
  for (const [index, stage] of plan.stages.entries()) {
    const done = journal.result(index) as StageResult | undefined;
    if (done !== undefined) {
      if (isWhole(done)) await restoreStage(context, stage);
      continue;
    }
    if (context.interrupted()) throw new Interrupted();
    reporter.begin(stageTitle(stage), stageDetail(plan, stage));
    const began = performance.now();
    const skipped = isLeftOut(context, stage);
    for (const model of skipped ? [] : modelsInF16(stage)) {
      if (!inRange.has(model)) await checkWeights(modelNamed(context, model).weights);
      inRange.add(model);
    }
    const result: StageResult = skipped ? { kind: "skipped" } : await runStage(context, stage);
    await journal.commit(index, stage.kind, result, (performance.now() - began) / 1000);
    if (!skipped) await afterCommit(context, stage);
    reporter.end(stageSummary(plan, stage, result));
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
  await writeLock(spec, lock);
};

/** Opens the device and everything else, runs what is left, closes all of it. */
const execute = async (session: Session): Promise<RunOutcome> => {
  const started = performance.now();
  const { plan, journal, reporter } = session;
  const device = await openDevice({ adapter: session.adapter });
  let executor: Executor | null = null;
  try {
    checkAdapter(plan, device.report);
    checkFits(plan, device.report.limits.maxBufferSize ?? Number.POSITIVE_INFINITY);
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
      await runStages(context);
    } finally {
      const models = [...context.models.values()];
      for (const { weights } of models) await weights.close();
      for (const read of new Set([texts, ...models.map((model) => model.texts)]))
        for (const corpus of read?.corpora.values() ?? []) corpus.close();
      await journal.update({ tuning: tuning.choices() });
    }
    await finish(session, inputs, lock);
    return outcomeOf(session, (performance.now() - started) / 1000, false, executor);
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    return outcomeOf(session, (performance.now() - started) / 1000, true, executor);
  } finally {
    device.close();
  }
};

export interface StartOptions {
  readonly plan: Plan;
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
  return execute({ ...options, journal });
};

/** Goes on with the run in a folder. */
export const resumeRun = async (
  options: Pick<StartOptions, "out" | "scores" | "reporter" | "interrupted"> & {
    readonly adapter: string | null;
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
  if (journal.data().complete)
    return outcomeOf({ ...options, plan, journal, adapter: "" }, 0, false, null);
  return execute({ ...options, plan, journal, adapter: options.adapter ?? "auto" });
};
