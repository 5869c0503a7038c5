/**
 * The logits after a text that grows by a token at a time. Keys and values of its positions stay on the device, so that a
 * new token costs one position; where they do not (the text outgrew the planned length, or slides through a window that is
 * full) the whole window is done again.
 */
import type { Continuation, ContinuationLength, ContinuationStep } from "../../compiler/plan.js";
import type { Executor, LoadedProgram } from "../execute.js";

/** What is on the device: the first `tokens` positions of a text that has not begun to slide. */
interface Held {
  readonly place: ContinuationLength;
  readonly whole: LoadedProgram;
  readonly step: LoadedProgram | null;
  readonly tokens: number;
}

const load = (
  executor: Executor,
  { programs }: Continuation,
  name: string,
): Promise<LoadedProgram> => {
  const program = programs[name];
  if (program === undefined) throw new Error(`there is no program ${name}`);
  return executor.load(program);
};

const take = async (
  executor: Executor,
  continuation: Continuation,
  place: ContinuationLength,
): Promise<Held> => {
  const { step } = place;
  for (const { state, bytes } of step === null ? [] : [step.past, step.row])
    executor.state(state, bytes);
  return {
    place,
    whole: await load(executor, continuation, place.program),
    step: step === null ? null : await load(executor, continuation, step.program),
    tokens: 0,
  };
};

const leave = (executor: Executor, { place, whole, step }: Held): void => {
  whole.dispose();
  step?.dispose();
  if (place.step !== null) executor.release(place.step.past.state);
};

/** Puts what the step gave of its position behind what is kept of those before it. */
const keepRow = (executor: Executor, { past, row, kept }: ContinuationStep, at: number): void => {
  for (const part of kept)
    executor.copy(
      { state: row.state, offset: part.row },
      { state: past.state, offset: part.past + at * part.bytes },
      part.bytes,
    );
};

export const nextLogits = (executor: Executor, continuation: Continuation) => {
  const { lengths } = continuation;
  const longest = lengths.at(-1);
  if (longest === undefined) throw new Error("no length is planned");
  let held: Held | null = null;

  const further = async (
    token: number,
    { place, step, tokens }: Held,
  ): Promise<Float32Array | null> => {
    if (step === null || place.step === null || tokens >= place.length) return null;
    await step.run({ token: Uint32Array.of(token), places: Uint32Array.of(tokens) });
    keepRow(executor, place.step, tokens);
    return step.output("logits");
  };

  const again = async (
    window: readonly number[],
    { place, whole }: Held,
  ): Promise<Float32Array> => {
    const tokens = new Uint32Array(place.length);
    tokens.set(window);
    await whole.run({ tokens, places: Uint32Array.of(window.length - 1) });
    return whole.output("logits");
  };

  /** Each text is the one before and a token more. */
  return async (text: readonly number[]): Promise<Float32Array> => {
    const place = lengths.find(({ length }) => length >= text.length) ?? longest;
    if (held === null || held.place !== place) {
      if (held !== null) leave(executor, held);
      held = await take(executor, continuation, place);
    }
    const last = text.at(-1);
    const goesOn = held.tokens > 0 && held.tokens === text.length - 1 && last !== undefined;
    const logits =
      (goesOn ? await further(last, held) : null) ?? (await again(text.slice(-place.length), held));
    held = { ...held, tokens: text.length };
    return logits;
  };
};
