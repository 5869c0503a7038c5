/** Wording about names: of models, data, scores, params, library entries, files and profiles. */
import { message } from "./registry.js";

/** `did you mean` where something is near, else what there is. */
export const suggestion = (
  near: string | null,
  known: readonly string[] = [],
  what = "known here",
): string | undefined =>
  near !== null
    ? `did you mean \`${near}\`?`
    : known.length === 0
      ? undefined
      : `${what}: ${known.join(", ")}`;

interface Unknown {
  readonly name: string;
  readonly near: string | null;
  readonly known: readonly string[];
}

export const nameMessages = {
  "unknown-name": message("error", (p: Unknown & { readonly what: string }) => ({
    message: `nothing here is called \`${p.name}\`, where ${p.what} belongs`,
    hint: suggestion(p.near, p.known),
  })),
  "wrong-kind": message(
    "error",
    (p: { readonly name: string; readonly is: string; readonly wanted: string }) => ({
      message: `\`${p.name}\` is ${p.is}, not ${p.wanted}`,
    }),
  ),
  "duplicate-name": message("error", (p: { readonly name: string }) => ({
    message: `\`${p.name}\` is declared twice`,
    hint: "give one of them another name",
  })),
  "used-early": message("error", (p: { readonly name: string }) => ({
    message: `\`${p.name}\` is not made yet here`,
    hint: "stages run in the order they are written: name one from above, or move this one down",
  })),
  "constant-cycle": message("error", (p: { readonly name: string }) => ({
    message: `\`${p.name}\` is defined by itself`,
  })),
  "unknown-recipe": message("error", (p: Unknown) => ({
    message: `the standard library has no recipe \`${p.name}\``,
    hint: suggestion(p.near, p.known, "it has"),
  })),
  "unknown-entry": message("error", (p: Unknown & { readonly of: string }) => ({
    message: `\`${p.of}\` has nothing called \`${p.name}\``,
    hint: suggestion(p.near),
  })),
  "use-missing": message(
    "error",
    (p: { readonly path: string; readonly reason: "missing" | "unreadable" }) => ({
      message: p.reason === "missing" ? `no file at \`${p.path}\`` : `\`${p.path}\` cannot be read`,
    }),
  ),
  "cyclic-use": message("error", (p: { readonly chain: readonly string[] }) => ({
    message: `these files use each other in a circle: ${p.chain.join(" → ")}`,
  })),
  "unknown-definition": message("error", (p: Unknown & { readonly keyword: string }) => ({
    message: `no ${p.keyword} is called \`${p.name}\``,
    hint: suggestion(p.near, p.known),
  })),
  "unknown-param": message("error", (p: Unknown & { readonly isLet: boolean }) => ({
    message: p.isLet
      ? `\`${p.name}\` is declared with \`let\` and cannot be set`
      : `this spec has no param \`${p.name}\``,
    hint: p.isLet ? "declare it with `param`" : suggestion(p.near, p.known, "it has"),
  })),
  "unknown-profile": message("error", (p: Unknown) => ({
    message: `this spec has no profile \`${p.name}\``,
    hint: suggestion(p.near, p.known, "it has"),
  })),
  "unknown-profile-path": message(
    "error",
    (p: { readonly profile: string; readonly path: string; readonly near: string | null }) => ({
      message: `profile \`${p.profile}\` sets \`${p.path}\`, which nothing here reads`,
      hint: suggestion(p.near),
    }),
  ),
} as const;
