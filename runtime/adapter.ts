/** Which adapter to use: a real GPU, else a software driver of the system, else the embedded one. Pure choice over offers. */
import { DeviceError } from "./device-error.js";

export type AdapterKind = "gpu" | "system-software" | "embedded";

/** What does the work: processors of a GPU, or the machine's own. Sizes and limits differ by that. */
export const workerOf = (kind: AdapterKind): "gpu" | "software" =>
  kind === "gpu" ? "gpu" : "software";

/** Something that was tried, or passed over, before the chosen adapter, and why. */
export interface Refusal {
  readonly name: string;
  readonly refused: string;
}

export interface AdapterReport {
  /** What was asked for: "auto", "gpu", "system", "embedded" or part of a name. */
  readonly choice: string;
  readonly kind: AdapterKind;
  readonly vendor: string;
  /** The adapter's own name, e.g. "NVIDIA H100 80GB HBM3" or "llvmpipe (LLVM 19.1.7, 256 bits)". */
  readonly device: string;
  /** The driver's description of itself, with its version. */
  readonly driver: string;
  /** Features and limits that the device was opened with. */
  readonly features: readonly string[];
  readonly limits: Readonly<Record<string, number>>;
  readonly tried: readonly Refusal[];
}

/** An adapter that could be used. */
export interface Offer<A> {
  readonly name: string;
  readonly kind: AdapterKind;
  readonly adapter: A;
}

export interface Offers<A> {
  readonly offers: readonly Offer<A>[];
  readonly refused: readonly Refusal[];
}

/** Where adapters come from; looked at only when needed. Offers come best first. */
export interface AdapterSources<A> {
  readonly system: () => Promise<Offers<A>>;
  readonly embedded: () => Promise<Offers<A>>;
}

export interface Choice<A> {
  readonly offer: Offer<A>;
  readonly tried: readonly Refusal[];
}

/** The kinds a word allows, in order of preference; null for a word that is part of a name. */
const preference = (word: string): readonly AdapterKind[] | null => {
  switch (word) {
    case "auto":
      return ["gpu", "system-software", "embedded"];
    case "gpu":
      return ["gpu"];
    case "system":
      return ["system-software"];
    case "embedded":
      return ["embedded"];
    default:
      return null;
  }
};

const KIND_WORDS: Readonly<Record<AdapterKind, string>> = {
  gpu: "a GPU",
  "system-software": "a software driver",
  embedded: "the embedded driver",
};

const noneFound = (word: string, tried: readonly Refusal[]): DeviceError => {
  const why = tried.map(({ name, refused }) => `${name}: ${refused}`).join("; ");
  return new DeviceError(
    `no adapter for --adapter ${word}${why === "" ? "" : ` (${why})`}`,
    word === "embedded" || word === "auto"
      ? { hint: "espalier doctor explains what was found" }
      : { hint: "use --adapter auto, or see espalier doctor" },
  );
};

const byKind = async <A>(
  word: string,
  kinds: readonly AdapterKind[],
  sources: AdapterSources<A>,
): Promise<Choice<A>> => {
  const tried: Refusal[] = [];
  if (kinds[0] !== "embedded") {
    const { offers, refused } = await sources.system();
    tried.push(...refused);
    for (const kind of kinds) {
      const offer = offers.find((candidate) => candidate.kind === kind);
      if (offer !== undefined) return { offer, tried };
    }
    tried.push(
      ...offers.map(({ name, kind }) => ({
        name,
        refused: `is ${KIND_WORDS[kind]}, and --adapter ${word} was asked for`,
      })),
    );
  }
  if (kinds.includes("embedded")) {
    const { offers, refused } = await sources.embedded();
    tried.push(...refused);
    const [offer] = offers;
    if (offer !== undefined) return { offer, tried };
  }
  throw noneFound(word, tried);
};

const byName = async <A>(part: string, sources: AdapterSources<A>): Promise<Choice<A>> => {
  const tried: Refusal[] = [];
  const wanted = part.toLowerCase();
  for (const source of [sources.system, sources.embedded]) {
    const { offers, refused } = await source();
    tried.push(...refused);
    const offer = offers.find(({ name }) => name.toLowerCase().includes(wanted));
    if (offer !== undefined) return { offer, tried };
    tried.push(
      ...offers.map(({ name }) => ({ name, refused: `its name does not contain "${part}"` })),
    );
  }
  throw noneFound(part, tried);
};

/** Chooses an adapter by word ("auto", "gpu", "system", "embedded") or by part of its name, in any case. */
export const chooseAdapter = <A>(word: string, sources: AdapterSources<A>): Promise<Choice<A>> => {
  const kinds = preference(word);
  return kinds === null ? byName(word, sources) : byKind(word, kinds, sources);
};
