/** Writes syntaxes/prune.tmLanguage.json anew; run in the project's folder, by editors/start.mjs. */
import { writeFileSync } from "node:fs";
import { textMateText } from "./text-mate.js";
import { wordsOf } from "./words.js";

writeFileSync("editors/vscode/syntaxes/prune.tmLanguage.json", textMateText(wordsOf(".")));
