/** What pruning keeps, as index sets by named axis: data that `gather.ts` applies and decisions.json records. */

/** Kept indices of one axis. All numbers, those of the `along` axes too, are of the source model. */
export interface KeptAxis {
  readonly axis: string;
  /** The axes along which sets differ, e.g. layer and group; the layer axis by its original layers. */
  readonly along: readonly { readonly name: string; readonly size: number }[];
  readonly from: number;
  readonly keep: number;
  /** One ascending set of `keep` indices for each place of `along`, row-major. */
  readonly sets: readonly (readonly number[])[];
}

/** By the axis's name; axes that are not here stay whole. */
export type Kept = ReadonlyMap<string, KeptAxis>;
