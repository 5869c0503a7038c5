/** What waits between the segments of a streamed sweep, window by window: values on their way to the next layer, or back. */
import type { CarriedValue, Waiting } from "../plan.js";
import { tensorBytes } from "../schedule/target.js";
import type { Between, Whole } from "./segments.js";

/** Values between segments with the bytes of one window. */
export const carriedOf = (
  { carried, returned }: Whole,
  windows: number,
  states: Record<"taken" | "given", (value: string) => string>,
): readonly CarriedValue[] => {
  const bytes = new Map<string, number>();
  for (const values of [...carried, ...returned])
    for (const [value, node] of values) bytes.set(value, tensorBytes(node.axes) / windows);
  return [...bytes].map(([value, size]) => ({
    name: value,
    taken: states.taken(value),
    given: states.given(value),
    bytes: size,
  }));
};

export interface WaitingPlaces {
  readonly of: (between: Between) => Waiting;
  /** Of one window, of all that waits. */
  readonly bytes: number;
}

/** Each waits where it waited at the cut before; where values are taken again on the way back, at every cut. */
export const waitingPlaces = (
  { carried, returned }: Whole,
  values: readonly CarriedValue[],
): WaitingPlaces => {
  const places = new Map<string, number>();
  let end = 0;
  const place = (key: string, value: string): void => {
    if (places.has(key)) return;
    places.set(key, end);
    end += values.find(({ name }) => name === value)?.bytes ?? 0;
  };
  const again = returned.length > 0;
  for (const [cut, at] of carried.entries())
    for (const name of at.keys()) place(again ? `${name} ${cut}` : name, name);
  for (const at of returned) for (const name of at.keys()) place(name, name);
  const of = ({ cut, name }: Between): Waiting => ({
    value: name,
    at: places.get(`${name} ${cut}`) ?? places.get(name) ?? 0,
  });
  return { of, bytes: end };
};
