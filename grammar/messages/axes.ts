/** Wording about axes and sizes: what a model has, what is cut, what is scored. */
import { message } from "./registry.js";

const number = (value: number): string => value.toLocaleString("en-US");

const list = (names: readonly string[]): string => names.join(", ");

export const axisMessages = {
  "unknown-axis": message(
    "error",
    (p: {
      readonly axis: string;
      readonly model: string;
      readonly axes: readonly string[];
      readonly near: string | null;
      /** An axis whose remark in the library speaks of the name. */
      readonly spoken: { readonly axis: string; readonly remark: string } | null;
    }) => ({
      message: `\`${p.axis}\` is not an axis of \`${p.model}\``,
      hint:
        p.spoken !== null
          ? `this is cut as \`${p.spoken.axis}\`, ${p.spoken.remark}`
          : p.near === null
            ? `axes here are ${list(p.axes)}`
            : `did you mean \`${p.near}\`?`,
    }),
  ),
  "untapped-axis": message(
    "error",
    (p: { readonly axis: string; readonly model: string; readonly axes: readonly string[] }) => ({
      message: `the architecture of \`${p.model}\` shows nothing to score \`${p.axis}\` by`,
      hint: `axes that can be scored are ${list(p.axes)}`,
    }),
  ),
  "fold-axis": message("error", (p: { readonly axis: string }) => ({
    message: `units of \`${p.axis}\` cannot take in others: they are layers, tokens, or come in pairs`,
  })),
  "fold-changes": message("error", (p: { readonly fold: string }) => ({
    message: `\`${p.fold}\` changes a unit that takes in itself, and so those that have no cut unit to take in`,
    hint: "let it give `kept` where `kept` and `cut` are the same",
  })),
  "candidates-many": message("error", (p: { readonly name: string; readonly count: number }) => ({
    message: `\`${p.name}\` is not one model, it is a search of ${number(p.count)}`,
    hint: `distil and evaluate it; of what an evaluation has ranked, \`model NAME = best(${p.name})\` is one`,
  })),
  "best-one": message("error", (p: { readonly name: string }) => ({
    message: `\`${p.name}\` is one model already, and \`best\` chooses among the candidates of a search`,
    hint: `say \`${p.name}\` itself`,
  })),
  "best-unranked": message("error", (p: { readonly name: string }) => ({
    message: `no evaluation above ranks \`${p.name}\`, so none of its candidates is the best`,
    hint: `write \`evaluate ${p.name} on DATA { loss }\` before this`,
  })),
  "search-empty": message(
    "error",
    (p: { readonly choices: number; readonly least: number; readonly most: number }) => ({
      message:
        p.choices === 0
          ? "no size of some axis of this search can be pruned to"
          : `none of ${number(p.choices)} shapes meets \`within\`: they have ${number(p.least)} to ${number(p.most)} parameters`,
      hint: "widen `within`, or the ranges",
    }),
  ),
  "search-wide": message("error", (p: { readonly count: number; readonly most: number }) => ({
    message: `this search has ${number(p.count)} shapes, more than ${number(p.most)}`,
    hint: "narrow `within`, or take larger steps",
  })),
  "not-summed": message(
    "error",
    (p: { readonly axis: string; readonly criterion: string; readonly reason: string }) => ({
      message: `data come in batches of windows, and what \`${p.criterion}\` makes of \`${p.axis}\` is no sum over windows: ${p.reason}`,
      hint: "let it look at each window by itself, then take `sum[window]` or `mean[window]`",
    }),
  ),
  "unknown-tap": message(
    "error",
    (p: {
      readonly axis: string;
      readonly tap: string | null;
      readonly known: readonly string[];
      /** What the architecture lacks, where it taps nothing for the axis. */
      readonly lacks: string | null;
    }) => ({
      message:
        p.tap === null
          ? `nothing is tapped for \`${p.axis}\` without a name`
          : `nothing is tapped for \`${p.axis}\` as \`${p.tap}\``,
      hint:
        p.lacks !== null
          ? `write a line \`${p.lacks}\` in the forward pass of the architecture`
          : p.known.length === 0
            ? "leave `of` and the name out"
            : `write \`of\` and one of: ${list(p.known)}`,
    }),
  ),
  "unscored-axis": message("error", (p: { readonly axis: string; readonly score: string }) => ({
    message: `\`${p.score}\` has no scores for \`${p.axis}\``,
    hint: `add \`${p.axis} by\` and a criterion to \`${p.score}\``,
  })),
  "size-mismatch": message(
    "error",
    (p: {
      readonly axis: string;
      readonly model: string;
      readonly is: number;
      readonly stated: number;
      readonly to: string;
      readonly key: string | null;
    }) => ({
      message: `\`${p.axis}\` of \`${p.model}\` is ${p.is}, not ${p.stated}`,
      caret: p.key === null ? undefined : `from config.json, "${p.key}": ${p.is}`,
      hint: `leave the left side out: \`${p.axis} -> ${p.to}\``,
    }),
  ),
  "group-divides": message(
    "error",
    (p: {
      readonly axis: string;
      readonly groups: string;
      readonly count: number;
      readonly from: number;
      readonly to: number;
      readonly size: number;
      readonly targets: readonly number[];
    }) => ({
      message:
        p.to % p.count === 0
          ? `${p.from} units of \`${p.axis}\` in ${p.count} units of \`${p.groups}\` are ${p.size} each`
          : `${p.from} units of \`${p.axis}\` in ${p.count} units of \`${p.groups}\` cannot become ${p.to}`,
      caret: p.to % p.count === 0 ? undefined : `must be a multiple of ${p.count}`,
      hint: `\`${p.axis}\` counts units per \`${p.groups}\`, so write ${p.targets
        .map((t) => `${p.size} -> ${t}`)
        .join(" or ")}`,
    }),
  ),
  "target-grows": message(
    "error",
    (p: {
      readonly axis: string;
      readonly model: string;
      readonly is: number;
      readonly to: number;
    }) => ({
      message: `\`${p.axis}\` of \`${p.model}\` is ${p.is} and cannot be pruned to ${p.to}`,
      hint: `a target is at most ${p.is}`,
    }),
  ),
  "target-empty": message("error", (p: { readonly axis: string; readonly to: number }) => ({
    message: `\`${p.axis}\` cannot be cut to ${p.to}: at least 1 unit must stay`,
  })),
  "target-fraction": message("error", (p: { readonly axis: string; readonly to: number }) => ({
    message: `\`${p.axis}\` cannot be cut to ${p.to}: units are whole`,
    hint: `write ${Math.max(1, Math.floor(p.to))}, or a percentage`,
  })),
  "target-unpaired": message(
    "error",
    (p: { readonly axis: string; readonly to: number; readonly together: number }) => {
      const below = p.to - (p.to % p.together);
      return {
        message: `\`${p.axis}\` cannot be cut to ${p.to}: ${
          p.together === 2
            ? "its units stay or go in pairs"
            : `a part of its units stays or goes in pairs, which ${p.together} units share evenly`
        }`,
        hint: `write ${below === 0 ? "" : `${below} or `}${below + p.together}`,
      };
    },
  ),
  "units-axis": message(
    "error",
    (p: { readonly axis: string; readonly layers: string | null }) => ({
      message: `\`${p.axis}\` cannot be cut by a list${
        p.layers === null
          ? ""
          : `: only \`${p.layers}\` can, as other units are others in each layer`
      }`,
      hint: `write how many stay, as in \`${p.axis} -> 75%\``,
    }),
  ),
  "unit-unknown": message(
    "error",
    (p: {
      readonly axis: string;
      readonly model: string;
      readonly is: number;
      readonly found: string;
    }) => ({
      message: `\`${p.model}\` has no \`${p.axis}\` ${p.found}`,
      hint: `they are counted from 0 to ${p.is - 1}`,
    }),
  ),
  "units-order": message("error", (p: { readonly axis: string; readonly unit: number }) => ({
    message: `\`${p.axis}\` ${p.unit} comes after one that is not before it in the model`,
    hint: "name each once, from the first to the last: those that stay keep their order",
  })),
  "units-rounds": message("error", (p: { readonly rounds: number }) => ({
    message: `which layers stay is named, and \`rounds ${p.rounds}\` would choose in each`,
    hint: "leave out `rounds`, or write how many layers stay",
  })),
  "compensation-impossible": message(
    "error",
    (p: { readonly axis: string; readonly reason: string }) => ({
      message: `nothing can make up for cut units of \`${p.axis}\`: ${p.reason}`,
    }),
  ),
  "vocabulary-target": message(
    "error",
    (p: {
      readonly axis: string;
      readonly model: string;
      readonly to: number;
      /** Tokens that must stay; null where none can go. */
      readonly least: number | null;
    }) =>
      p.least === null
        ? {
            message: `\`${p.axis}\` of \`${p.model}\` cannot be cut: its tokenizer is neither of byte pairs nor of pieces`,
          }
        : {
            message: `\`${p.axis}\` cannot be cut to ${number(p.to)}: ${number(p.least)} tokens must stay, for characters, bytes and special tokens`,
            hint: `write ${p.least} or more`,
          },
  ),
  "vocabularies-differ": message(
    "error",
    (p: { readonly student: string; readonly teacher: string }) => ({
      message: `\`${p.student}\` and \`${p.teacher}\` do not have the same tokens, so that one cannot teach the other`,
      hint: "cut the vocabulary in a `prune` of its own; let what it gives be the teacher, and prune the student from it",
    }),
  ),
  "run-length": message(
    "error",
    (p: {
      readonly score: string;
      readonly axis: string;
      readonly length: number;
      readonly cut: number;
    }) => ({
      message: `\`${p.score}\` has scores of runs of ${p.length}, and ${p.cut} of \`${p.axis}\` go at once`,
      hint: `write \`length: ${p.cut}\` there, or leave it out to score runs of every length`,
    }),
  ),
  "search-vocabulary": message("error", (p: { readonly axis: string }) => ({
    message: `candidates cannot differ in \`${p.axis}\`: losses over other tokens cannot be compared`,
    hint: "cut the vocabulary by `prune`, and search on what it gives",
  })),
  "early-stop-one": message("error", (p: { readonly student: string }) => ({
    message: `\`${p.student}\` is one model, and \`early_stop\` gives up candidates that do worse than others`,
    hint: "leave it out, or distil the candidates of a `search`",
  })),
  "arithmetic-unused": message("error", (p: { readonly name: string }) => ({
    message: `\`arithmetic f16\` is for the teacher's pass, and \`${p.name}\` has no teacher`,
    hint: "leave it out: what is trained is computed in f32",
  })),
  "budget-unused": message("error", () => ({
    message: "`params` is a budget, and no axis may shrink to fit it",
    hint: "name axes without a target, as in `hidden, mlp`",
  })),
  "budget-unreachable": message(
    "error",
    (p: {
      readonly axes: readonly string[];
      readonly allowed: number;
      readonly least: number;
    }) => ({
      message: `no sizes of \`${p.axes.join("`, `")}\` come down to ${number(p.allowed)} parameters: the fewest are ${number(p.least)}`,
      hint: "raise the budget, or let more axes shrink",
    }),
  ),
  "calibration-small": message(
    "warning",
    (p: { readonly windows: number; readonly axis: string; readonly size: number }) => ({
      message: `${p.windows} windows score an axis of ${p.size} units`,
      caret: `\`${p.axis}\` is the widest scored here`,
      hint: "take at least 16 windows",
    }),
  ),
} as const;
