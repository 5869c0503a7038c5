/** A run's progress for people: a bar on a terminal, a plain line every few seconds elsewhere. */
import { Presets, SingleBar } from "cli-progress";
import pc from "picocolors";
import type { Progress, Reporter } from "../run/reporter.js";

/** Seconds between plain lines. */
const QUIET = 5;

const duration = (seconds: number): string => {
  if (!Number.isFinite(seconds)) return "?";
  const whole = Math.round(seconds);
  return whole < 60
    ? `${whole}s`
    : `${Math.floor(whole / 60)}m${String(whole % 60).padStart(2, "0")}s`;
};

/** Rates count from the first progress of a stage on, so that compiling pipelines and resuming do not distort them. */
interface Clock {
  readonly began: number;
  readonly first: { readonly at: number; readonly progress: Progress } | null;
}

const begin = (): Clock => ({ began: performance.now(), first: null });
const seen = (clock: Clock, progress: Progress): Clock =>
  clock.first === null ? { ...clock, first: { at: performance.now(), progress } } : clock;
const elapsed = (since: number): number => (performance.now() - since) / 1000;

const describe = (progress: Progress, clock: Clock): string => {
  const since = clock.first ?? { at: clock.began, progress };
  const seconds = elapsed(since.at);
  const done = progress.done - since.progress.done;
  const tokens = progress.tokens - since.progress.tokens;
  const parts = [
    tokens > 0 ? `${Math.round(tokens / seconds)} tokens/s` : null,
    progress.loss === undefined ? null : `loss ${progress.loss.toFixed(4)}`,
    done > 0 ? `${duration(((progress.total - progress.done) * seconds) / done)} left` : null,
  ];
  return parts.filter((part) => part !== null).join(", ");
};

/** Lines to stderr, so that results on stdout stay clean. */
const write = (text: string): void => {
  process.stderr.write(`${text}\n`);
};

const plainReporter = (): Reporter => {
  let stage = "";
  let clock = begin();
  let said = 0;
  return {
    begin: (name, detail) => {
      stage = name;
      clock = begin();
      said = clock.began;
      write(`${name}: ${detail}`);
    },
    progress: (progress) => {
      clock = seen(clock, progress);
      const now = performance.now();
      if ((now - said) / 1000 < QUIET) return;
      said = now;
      write(`${stage}: ${progress.done}/${progress.total}, ${describe(progress, clock)}`);
    },
    end: (summary) => write(`${stage}: ${summary} (${duration(elapsed(clock.began))})`),
    line: write,
  };
};

const barReporter = (): Reporter => {
  let bar: SingleBar | null = null;
  let stage = "";
  let clock = begin();
  const stop = (): void => {
    bar?.stop();
    bar = null;
  };
  return {
    begin: (name, detail) => {
      stop();
      stage = name;
      clock = begin();
      write(`${pc.bold(name)} ${pc.dim(detail)}`);
    },
    progress: (progress) => {
      if (bar === null) {
        bar = new SingleBar(
          { format: `  {bar} {value}/{total} {detail}`, hideCursor: true, clearOnComplete: true },
          Presets.shades_classic,
        );
        bar.start(progress.total, progress.done, { detail: "" });
      }
      clock = seen(clock, progress);
      bar.update(progress.done, { detail: describe(progress, clock) });
    },
    end: (summary) => {
      stop();
      write(`${pc.green("✓")} ${stage}: ${summary} ${pc.dim(duration(elapsed(clock.began)))}`);
    },
    line: (text) => {
      stop();
      write(text);
    },
  };
};

export const reporterFor = (terminal: boolean): Reporter =>
  terminal ? barReporter() : plainReporter();
