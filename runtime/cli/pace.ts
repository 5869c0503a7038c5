/** How fast a stage goes and how long it will take: over the last few seconds, so that a slow start is soon forgotten. */
import type { Progress } from "../run/reporter.js";

interface Sample {
  /** In seconds, of any clock. */
  readonly at: number;
  readonly progress: Progress;
}

/** The latest progress of a stage, oldest first. */
export type Pace = readonly Sample[];

/** Seconds that count; a stage of long steps counts its last few instead. */
const WINDOW = 10;
const AT_LEAST = 4;

export const noPace: Pace = [];

/** The pace with one more sample; work that begins anew, as each model of an evaluation does, has a pace of its own. */
export const paced = (pace: Pace, at: number, progress: Progress): Pace => {
  const before = pace.at(-1);
  const same = before === undefined || before.progress.done < progress.done;
  const all = [...(same ? pace : noPace), { at, progress }];
  return all.filter((sample, i) => at - sample.at <= WINDOW || i >= all.length - AT_LEAST);
};

/** Growth a second of what `of` counts; null while nothing can be said. */
const speed = (pace: Pace, of: (progress: Progress) => number): number | null => {
  const [first, last] = [pace[0], pace.at(-1)];
  if (first === undefined || last === undefined || last.at <= first.at) return null;
  const grown = of(last.progress) - of(first.progress);
  return grown > 0 ? grown / (last.at - first.at) : null;
};

export const tokensPerSecond = (pace: Pace): number | null =>
  speed(pace, (progress) => progress.tokens);

export const secondsLeft = (pace: Pace): number | null => {
  const last = pace.at(-1)?.progress;
  const steps = speed(pace, (progress) => progress.done);
  return last === undefined || steps === null ? null : (last.total - last.done) / steps;
};

/** "7s", "3m05s", "2h04m" */
export const duration = (seconds: number): string => {
  const whole = Math.round(seconds);
  const two = (value: number): string => String(value).padStart(2, "0");
  if (whole < 60) return `${whole}s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}m${two(whole % 60)}s`;
  return `${Math.floor(whole / 3600)}h${two(Math.floor((whole % 3600) / 60))}m`;
};

/** "8/16", "student 8/16" where it is on one of several models. */
export const countText = ({ done, total, model }: Progress): string =>
  `${model === undefined ? "" : `${model} `}${done}/${total}`;

/** "2,100 tokens/s, loss 3.1416, 1m20s left", as far as it is known. */
export const paceText = (pace: Pace): string => {
  const tokens = tokensPerSecond(pace);
  const left = secondsLeft(pace);
  const loss = pace.at(-1)?.progress.loss;
  const parts = [
    tokens === null ? null : `${Math.round(tokens).toLocaleString("en")} tokens/s`,
    loss === undefined ? null : `loss ${loss.toFixed(4)}`,
    left === null ? null : `${duration(left)} left`,
  ];
  return parts.filter((part) => part !== null).join(", ");
};
