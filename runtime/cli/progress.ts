/** A run's progress for people: a bar on a terminal, a plain line every few seconds elsewhere. */
import { Presets, SingleBar } from "cli-progress";
import pc from "picocolors";
import type { Reporter } from "../run/reporter.js";
import { countText, duration, noPace, paced, paceText } from "./pace.js";

/** Seconds between plain lines. */
const QUIET = 5;

/** Where lines go and what time it is, in seconds. */
export interface Surroundings {
  readonly write: (text: string) => void;
  readonly now: () => number;
}

/** Lines to stderr, so that results on stdout stay clean. */
const real: Surroundings = {
  write: (text) => {
    process.stderr.write(`${text}\n`);
  },
  now: () => performance.now() / 1000,
};

/** One line when a stage begins and ends, and one every few seconds between. */
export const plainReporter = ({ write, now }: Surroundings = real): Reporter => {
  let stage = "";
  let began = now();
  let said = began;
  let pace = noPace;
  return {
    begin: (name, detail) => {
      stage = name;
      began = now();
      said = began;
      pace = noPace;
      write(`${name}: ${detail}`);
    },
    progress: (progress) => {
      const at = now();
      pace = paced(pace, at, progress);
      if (at - said < QUIET) return;
      said = at;
      const text = paceText(pace);
      write(`${stage}: ${countText(progress)}${text === "" ? "" : `, ${text}`}`);
    },
    end: (summary) => write(`${stage}: ${summary} (${duration(now() - began)})`),
    line: write,
  };
};

const barReporter = ({ write, now }: Surroundings = real): Reporter => {
  let bar: SingleBar | null = null;
  let stage = "";
  let began = now();
  let pace = noPace;
  const stop = (): void => {
    bar?.stop();
    bar = null;
  };
  return {
    begin: (name, detail) => {
      stop();
      stage = name;
      began = now();
      pace = noPace;
      write(`${pc.bold(name)} ${pc.dim(detail)}`);
    },
    progress: (progress) => {
      if (bar === null) {
        bar = new SingleBar(
          { format: "  {bar} {count} {detail}", hideCursor: true, clearOnComplete: true },
          Presets.shades_classic,
        );
        const count = countText(progress);
        bar.start(progress.total, progress.done, { count, detail: "" });
      }
      pace = paced(pace, now(), progress);
      bar.update(progress.done, { count: countText(progress), detail: paceText(pace) });
    },
    end: (summary) => {
      stop();
      write(`${pc.green("✓")} ${stage}: ${summary} ${pc.dim(duration(now() - began))}`);
    },
    line: (text) => {
      stop();
      write(text);
    },
  };
};

export const reporterFor = (terminal: boolean): Reporter =>
  terminal ? barReporter() : plainReporter();
