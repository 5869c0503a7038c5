/** `model NAME = open("folder")`, or a GGUF file: config.json or the file's metadata say which architecture and sizes. */
import type { StageDecl } from "../../../grammar/ast.js";
import { nearest } from "../../../grammar/suggest.js";
import type { Dtype } from "../../../kernels/operand.js";
import type { ConfigResult } from "../../host.js";
import { type ConfigPlace, readArchitecture } from "../../library/architecture.js";
import { dtypeOfConfig, dtypesOf } from "../../library/dtypes.js";
import { ggufTensors } from "../../library/gguf.js";
import { configOfGguf, ggufFloats } from "../../library/gguf-config.js";
import { ggufListNames } from "../../library/gguf-list.js";
import type { ModelShape, Outcome } from "../../library/library.js";
import { pretokenizersOf } from "../../library/pretokenizer.js";
import { unreadKeys } from "../../library/unread.js";
import type { GgufSource } from "../../plan.js";
import { readClauses } from "../clauses.js";
import { type Context, passOn, say } from "../context.js";
import { readSettings, textArgument } from "../settings.js";
import { checkRandom } from "./random.js";
import { checkVocabulary } from "./vocabulary.js";

const EXAMPLE = 'model NAME = open("models/NAME")';
const SOURCES = ["open", "random", "best"];

/** The folder as written, or null after saying what is wrong. */
const folderOf = (context: Context, stage: StageDecl) => {
  const { value } = stage;
  const callee = value?.kind === "call" && value.callee.kind === "name" ? value.callee.name : null;
  if (value?.kind === "call" && callee === "open") return textArgument(context, value, EXAMPLE);
  const near = callee === null ? null : nearest(callee, SOURCES);
  const place = value?.kind === "call" ? value.callee.span : (value?.span ?? stage.keywordSpan);
  say(context, "unknown-source", place, {
    stage: "model",
    known: SOURCES,
    near,
    example: EXAMPLE,
  });
  return null;
};

/** Where what a model says of itself is among the sources. */
const sourceName = (path: string, kind: "folder" | "gguf"): string =>
  kind === "gguf" ? path : `${path.replace(/\/+$/, "")}/config.json`;

/** The config of a GGUF file and how to read the file, or null after saying what is wrong. */
const ggufSource = (
  context: Context,
  config: Readonly<Record<string, unknown>>,
  shape: ModelShape,
  place: ConfigPlace,
): GgufSource | null => {
  const tensors = ggufTensors(shape, place);
  const pretokenizers = pretokenizersOf(context.library);
  if (tensors.ok && pretokenizers.ok)
    return {
      tensors: tensors.value,
      lists: ggufListNames(shape),
      pretokenizers: pretokenizers.value,
      config,
      floats: ggufFloats(shape),
    };
  for (const failed of [tensors, pretokenizers])
    if (!failed.ok) passOn(context, failed.diagnostics, place.span);
  return null;
};

/** Says of the first tensor of the model that cannot be read why; null where all can. */
const unreadableIn = (
  read: Extract<ConfigResult, { ok: true }>,
  gguf: GgufSource | null,
): string | null => {
  if (read.kind === "folder" || gguf === null) return null;
  const { unreadable } = read.header;
  const first = gguf.tensors.find(({ tensor }) => unreadable.has(tensor));
  return first === undefined ? null : (unreadable.get(first.tensor) ?? null);
};

/** What tensors are stored in, by their names in a folder. */
const typesIn = (
  read: Extract<ConfigResult, { ok: true }>,
  gguf: GgufSource | null,
  { config }: ModelShape,
): ((file: string) => Dtype | null) => {
  if (read.kind === "folder") {
    const { dtypes } = read;
    return dtypes === null ? () => dtypeOfConfig(config) : (file) => dtypes.get(file) ?? null;
  }
  const places = new Map(gguf?.tensors.map((tensor) => [tensor.file, tensor]));
  // A sum is f32, and so is a product.
  return (file) => {
    const place = places.get(file);
    return place?.plus === 0 && place.times === 1
      ? (read.header.tensors.get(place.tensor) ?? null)
      : null;
  };
};

/** Whether numbers of several bits share bytes, in one of the forms that transformers knows. */
const isPacked = ({ quantization_config: how }: ModelShape["config"]): boolean =>
  typeof how === "object" && how !== null && Object.keys(how).length > 0;

const packedBy = ({ quantization_config: how }: ModelShape["config"]): string | null => {
  const by = typeof how === "object" && how !== null && "quant_method" in how && how.quant_method;
  return typeof by === "string" ? by : null;
};

/** Says once which keys of a config.json nobody here reads. */
const tellUnread = (context: Context, shape: ModelShape, { span }: ConfigPlace): void => {
  const keys = unreadKeys(shape);
  const architecture = shape.architecture.decl.name.name;
  if (keys.length > 0) say(context, "config-unread", span, { architecture, keys });
};

export const checkModel = (context: Context, stage: StageDecl): void => {
  const name = stage.names[0]?.name ?? "";
  context.scope.define("model", name, null);
  readClauses(context, stage);
  readSettings(context, stage, stage.body ?? []);
  const { value } = stage;
  if (value?.kind === "call" && value.callee.kind === "name" && value.callee.name === "random") {
    checkRandom(context, name, value);
    return;
  }
  const folder = folderOf(context, stage);
  if (folder === null) return;
  const { value: path, span } = folder;
  const read = context.host.readConfig(path);
  if (!read.ok) {
    say(context, "model-unreadable", span, { path, reason: read.reason, hint: read.hint });
    return;
  }
  context.sources.set(sourceName(path, read.kind), read.text);
  if (read.kind === "folder" && isPacked(read.config)) {
    say(context, "weights-packed", span, { path, by: packedBy(read.config) });
    return;
  }
  const place = { path: context.file.path, span };
  const { library } = context;
  const config: Outcome<ModelShape["config"]> =
    read.kind === "folder"
      ? { ok: true, value: read.config }
      : configOfGguf(library, read.header, place);
  const shape = config.ok ? readArchitecture(library, config.value, place) : config;
  if (!config.ok || !shape.ok) {
    if (!shape.ok) passOn(context, shape.diagnostics, span);
    return;
  }
  const gguf =
    read.kind === "folder" ? null : ggufSource(context, config.value, shape.value, place);
  if (read.kind === "gguf" && gguf === null) return;
  const reason = unreadableIn(read, gguf);
  if (reason !== null) {
    const hint = "choose a file packed in one of these";
    say(context, "model-unreadable", span, { path, reason, hint });
    return;
  }
  context.stored.set(name, dtypesOf(shape.value, typesIn(read, gguf, shape.value)));
  context.scope.define("model", name, { shape: shape.value, vocabulary: null });
  if (read.kind === "folder") tellUnread(context, shape.value, place);
  if (!checkVocabulary(context, { model: name, path, span, shape: shape.value })) return;
  context.steps.push({ kind: "open", model: name, path, gguf });
};
