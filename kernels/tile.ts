/** The part of a matrix product's result that one invocation (or lane) keeps in registers. */
export interface Tile {
  readonly rows: number;
  readonly columns: number;
}

export const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
