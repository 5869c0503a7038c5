/** Wording about stages: their clauses, settings, sources, conditions and exports. */
import { suggestion } from "./names.js";
import { message } from "./registry.js";

const number = (value: number): string => value.toLocaleString("en-US");

/** Names shown of a longer list. */
const SHOWN = 4;

const some = (names: readonly string[]): string => {
  const more = names.length > SHOWN ? ` and ${names.length - SHOWN} more` : "";
  return `${names
    .slice(0, SHOWN)
    .map((name) => `\`${name}\``)
    .join(", ")}${more}`;
};

export const recipeMessages = {
  "unknown-edition": message("error", (p: { readonly found: string }) => ({
    message: `edition ${p.found} is not known to this compiler`,
    hint: "write `edition 1`",
  })),
  "unknown-setting": message(
    "error",
    (p: {
      readonly name: string;
      readonly stage: string;
      readonly near: string | null;
      readonly known: readonly string[];
    }) => ({
      message: `unknown setting \`${p.name}\` in \`${p.stage}\``,
      hint: suggestion(p.near, p.known, "it takes"),
    }),
  ),
  "missing-setting": message(
    "error",
    (p: { readonly name: string; readonly stage: string; readonly example: string }) => ({
      message: `\`${p.stage}\` does not say its \`${p.name}\``,
      hint: `add \`${p.example}\``,
    }),
  ),
  "duplicate-setting": message("error", (p: { readonly name: string }) => ({
    message: `\`${p.name}\` is set twice`,
    hint: "keep one of the two lines",
  })),
  "setting-form": message(
    "error",
    (p: { readonly name: string; readonly takes: string; readonly example: string }) => ({
      message: `\`${p.name}\` takes ${p.takes}`,
      hint: `write \`${p.example}\``,
    }),
  ),
  "setting-choice": message(
    "error",
    (p: {
      readonly name: string;
      readonly found: string;
      readonly known: readonly string[];
      readonly near: string | null;
    }) => ({
      message: `\`${p.name}\` cannot be \`${p.found}\``,
      hint: suggestion(p.near, p.known, "it can be"),
    }),
  ),
  "missing-clause": message(
    "error",
    (p: { readonly stage: string; readonly word: string; readonly what: string }) => ({
      message: `\`${p.stage}\` needs \`${p.word}\` and ${p.what}`,
    }),
  ),
  "unknown-clause": message(
    "error",
    (p: { readonly stage: string; readonly word: string; readonly known: readonly string[] }) => ({
      message: `\`${p.stage}\` takes no \`${p.word}\``,
      hint: p.known.length === 0 ? undefined : `it takes ${p.known.join(", ")}`,
    }),
  ),
  "duplicate-clause": message("error", (p: { readonly word: string }) => ({
    message: `\`${p.word}\` is said twice`,
  })),
  "unknown-source": message(
    "error",
    (p: {
      readonly stage: string;
      readonly known: readonly string[];
      readonly near: string | null;
      readonly example: string;
    }) => ({
      message: `\`${p.stage}\` is read by ${p.known.map((k) => `\`${k}\``).join(" or ")}`,
      hint: p.near === null ? `write \`${p.example}\`` : `did you mean \`${p.near}\`?`,
    }),
  ),
  "model-unreadable": message(
    "error",
    (p: { readonly path: string; readonly reason: string; readonly hint: string | null }) => ({
      message: `no model can be read at \`${p.path}\`: ${p.reason}`,
      hint: p.hint ?? "give a folder that holds a config.json, or a .gguf file",
    }),
  ),
  "weights-unreadable": message(
    "error",
    (p: { readonly path: string; readonly reason: string; readonly hint: string | null }) => ({
      message: `the weights of \`${p.path}\` cannot be read: ${p.reason}`,
      hint: p.hint ?? "get them again from where they are from",
    }),
  ),
  "weights-packed": message(
    "error",
    (p: { readonly path: string; readonly by: string | null }) => ({
      message: `the weights of \`${p.path}\` are packed${p.by === null ? "" : ` by ${p.by}`}, as \`quantization_config\` of its config.json says, and cannot be read as they are`,
      hint: "open the model that they were packed from, or a GGUF file of it",
    }),
  ),
  "data-missing": message(
    "warning",
    (p: { readonly pattern: string; readonly folder: boolean }) => ({
      message: `no file matches \`${p.pattern}\`, so a run would not begin`,
      hint: p.folder
        ? `it is a folder: name the files in it, as in "${p.pattern.replace(/\/+$/, "")}/*"`
        : "paths are relative to the spec's folder",
    }),
  ),
  "tokenizer-larger": message(
    "error",
    (p: { readonly model: string; readonly tokens: number; readonly rows: number }) => ({
      message: `the tokenizer of \`${p.model}\` has ${p.tokens} tokens, and the model rows for ${p.rows}`,
      hint: "give the model the tokenizer that it was trained with",
    }),
  ),
  "tokenizers-differ": message(
    "error",
    (p: { readonly model: string; readonly first: string }) => ({
      message: `texts are read with the tokenizer of \`${p.first}\`, and that of \`${p.model}\` has other tokens`,
      hint: "open models of one vocabulary only; others need a spec of their own",
    }),
  ),
  "nothing-scored": message(
    "error",
    (p: { readonly score: string; readonly known: readonly string[] }) => ({
      message: `\`${p.score}\` scores no axis`,
      hint: `add a line \`AXIS by CRITERION\`; criteria are ${p.known.join(", ")}`,
    }),
  ),
  "criterion-data": message(
    "error",
    (p: {
      readonly criterion: string;
      readonly data: string;
      /** Whether the data are questions. */
      readonly questions: boolean;
      /** Criteria of such data. */
      readonly known: readonly string[];
    }) => ({
      message: p.questions
        ? `\`${p.criterion}\` looks at texts, and \`${p.data}\` is questions`
        : `\`${p.criterion}\` asks questions, and \`${p.data}\` is texts`,
      hint: `${p.questions ? "of questions there are" : "of texts there are"} ${p.known.join(", ")}`,
    }),
  ),
  "scores-of-other": message(
    "error",
    (p: { readonly score: string; readonly of: string; readonly model: string }) => ({
      message: `\`${p.score}\` scores \`${p.of}\`, not \`${p.model}\``,
    }),
  ),
  "nothing-measured": message("error", (p: { readonly known: readonly string[] }) => ({
    message: "`evaluate` names no metric",
    hint: suggestion(null, p.known, "metrics are"),
  })),
  "loss-constant": message("error", (p: { readonly student: string }) => ({
    message: `this loss does not depend on \`${p.student}\`, which would learn nothing`,
  })),
  "teacher-missing": message(
    "error",
    (p: { readonly stage: string; readonly student: string; readonly data: string }) => ({
      message: "this loss compares with a teacher, and there is none",
      hint: `name it: \`distill ${p.stage} = ${p.student} from TEACHER on ${p.data}\``,
    }),
  ),
  "cache-teacherless": message(
    "error",
    (p: { readonly student: string; readonly data: string }) => ({
      message: "there is no teacher whose logits could be kept",
      hint: `leave the line out, or name one: \`${p.student} from TEACHER on ${p.data}\``,
    }),
  ),
  "cache-lacks": message(
    "error",
    (p: {
      readonly count: number;
      readonly lacks: "count" | "others" | "states";
      readonly needed: number | null;
    }) => {
      const most = p.count === 1 ? "largest logit" : `${number(p.count)} largest logits`;
      switch (p.lacks) {
        case "count":
          return {
            message: `this loss looks at the teacher's ${number(p.needed ?? 0)} largest logits, of which ${number(p.count)} are kept`,
            hint: `write \`cache_logits top ${p.needed ?? 0}\``,
          };
        case "others":
          return {
            message: `this loss looks at more of the teacher's logits than the ${most} of a token that are kept`,
            hint: `use a loss among the ${p.count} largest alone, or leave \`cache_logits\` out`,
          };
        case "states":
          return {
            message: "this loss looks at states of the teacher, and its logits alone are kept",
            hint: "compare logits alone, or leave `cache_logits` out",
          };
        default:
          return p.lacks satisfies never;
      }
    },
  ),
  "stage-used": message("error", (p: { readonly keyword: string }) => ({
    message: `\`${p.keyword}\` in a file that is used by another would not be run`,
    hint: "move it into the spec; a used file holds definitions, `param` and `let`",
  })),
  "condition-shape": message("error", (p: { readonly found: string }) => ({
    message: `${p.found} is not a condition`,
    hint: "compare two values with <=, >=, <, >, == or !=",
  })),
  "condition-value": message("error", (p: { readonly found: string }) => ({
    message: `${p.found} has no value in a condition`,
    hint: "use numbers, params, `params(MODEL)` and metrics of evaluated models",
  })),
  "unknown-measure": message(
    "error",
    (p: {
      readonly name: string;
      readonly near: string | null;
      readonly known: readonly string[];
    }) => ({
      message: `nothing measures \`${p.name}\``,
      hint: suggestion(p.near, p.known, "measures are"),
    }),
  ),
  "not-evaluated": message("error", (p: { readonly metric: string; readonly model: string }) => ({
    message: `\`${p.metric}\` of \`${p.model}\` is not evaluated above`,
    hint: `add \`${p.model}\` to an \`evaluate\` with \`${p.metric}\` before this`,
  })),
  "evaluated-twice": message("error", (p: { readonly metric: string; readonly model: string }) => ({
    message: `\`${p.metric}\` of \`${p.model}\` is evaluated twice, so its name means two numbers`,
    hint: "keep one of the two",
  })),
  "budget-unmet": message(
    "error",
    (p: { readonly left: number; readonly relation: string; readonly right: number }) => ({
      message: `this cannot hold: ${number(p.left)} is not ${p.relation} ${number(p.right)}`,
      caret: "known before the run",
      hint: "change the sizes in `prune`, or the budget",
    }),
  ),
  "path-outside": message("error", (p: { readonly path: string }) => ({
    message: `\`${p.path}\` leaves the folder of the run`,
    hint: "give a relative path without `..`",
  })),
  "config-unread": message(
    "warning",
    (p: { readonly architecture: string; readonly keys: readonly string[] }) => ({
      message: `config.json has ${some(p.keys)}, which \`${p.architecture}\` does not read: results may not be the model's own`,
      hint: "where that changes nothing, say so in a file that is used: `ignore config KEY`",
    }),
  ),
  "export-advised": message(
    "warning",
    (p: { readonly model: string; readonly requirement: string; readonly reason: string }) => ({
      message: `${p.reason}: of \`${p.model}\`, \`${p.requirement}\` does not hold`,
      hint: "cut to other sizes, or export as gguf",
    }),
  ),
  "export-undecided": message(
    "warning",
    (p: { readonly model: string; readonly keys: readonly string[] }) => ({
      message: `GGUF has no word for the ${p.keys.map((key) => `\`${key}\``).join(" and ")} of each layer, and the run decides which layers of \`${p.model}\` stay: it stops after the pruning where they are not as GGUF takes them to be`,
      hint: "by scores of runs of layers as many may go as leave the others in their order",
    }),
  ),
  "duplicate-export": message("error", (p: { readonly path: string }) => ({
    message: `two models are exported to \`${p.path}\``,
  })),
} as const;
