/** Which scores of causal attention count, and how large they may grow: as text for the kernels, and in float64. */

export interface ScoreRule {
  /** Scores become cap · tanh(score / cap) (arXiv 2408.00118, section 2); null: they stay as they are. */
  readonly cap: number | null;
  /** A position sees so many of the last positions, itself among them (arXiv 2310.06825, section 2); null: all. */
  readonly within: number | null;
}

export const ALL_SCORES: ScoreRule = { cap: null, within: null };

/** For names of what is alike; nothing where every score counts. */
export const ruleName = ({ cap, within }: ScoreRule): string =>
  `${cap === null ? "" : ` cap ${cap}`}${within === null ? "" : ` within ${within}`}`;

/** tanh is 1 from 9 on in f32, where the exponentials that adapters make it of overflow before long. */
export const cappedScore = ({ cap }: ScoreRule, score: string): string =>
  cap === null ? score : `${cap} * tanh(clamp(${score} / ${cap}, -9.0, 9.0))`;

/** The score s, capped where there is a cap, as a line. */
export const capLine = (rule: ScoreRule): string =>
  rule.cap === null ? "" : `    s = ${cappedScore(rule, "s")};\n`;

/** In float64: a score by its cap, and the derivative there. */
export const capped = ({ cap }: ScoreRule, score: number): readonly [number, number] => {
  if (cap === null) return [score, 1];
  const t = Math.tanh(score / cap);
  return [cap * t, 1 - t * t];
};

/** The derivative of a capped score by what it was, as a factor; nothing without a cap. */
export const capSlope = ({ cap }: ScoreRule, capped: string): string =>
  cap === null ? "" : ` * (1.0 - (${capped} / ${cap}) * (${capped} / ${cap}))`;

/** And that a position does not lie behind what another sees; nothing where it sees all. Not lazily, as that is a branch. */
export const nearEnough = ({ within }: ScoreRule, source: string, position: string): string =>
  within === null ? "" : ` & (${source} + ${within}u > ${position})`;

/** The first source that a position sees. */
export const firstSource = ({ within }: ScoreRule, position: string): string =>
  within === null ? "0u" : `select(0u, ${position} + 1u - ${within}u, ${position} >= ${within}u)`;

/** The end of the positions that see a source. */
export const endOfSight = ({ within }: ScoreRule, source: string): string =>
  within === null ? "p.position" : `min(p.position, ${source} + ${within}u)`;

/** Sources that the positions of a text see together; half of all pairs where they see all, counted like a triangle. */
export const sourcesSeen = ({ within }: ScoreRule, position: number): number => {
  const most = Math.min(within ?? position, position);
  return most * position - (most * most) / 2;
};
