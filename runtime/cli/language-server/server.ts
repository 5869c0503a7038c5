/**
 * `espalier language-server`: what editors ask of a language, over stdin and stdout (Language Server Protocol). It knows
 * nothing that `check` and `fmt` do not: texts are checked as they stand in the editor, with the files beside them.
 */
import { dirname } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import {
  type CodeAction,
  createConnection,
  type Location,
  ProposedFeatures,
  type ServerCapabilities,
  type TextDocumentPositionParams,
  TextDocumentSyncKind,
  TextDocuments,
  type TextEdit,
} from "vscode-languageserver/node";
import { TextDocument } from "vscode-languageserver-textdocument";
import { check } from "../../../compiler/check.js";
import type { Host } from "../../../compiler/host.js";
import type { SourceFile } from "../../../grammar/ast.js";
import { parse } from "../../../grammar/parse.js";
import { format } from "../../../grammar/print.js";
import { VERSION } from "../../version.js";
import { withFileProblems } from "../file-problems.js";
import { fileHost } from "../host.js";
import { librarySource } from "../stdlib.js";
import { completionsAt } from "./completion.js";
import { hoverAt, meantAt } from "./hover.js";
import { outlineOf } from "./outline.js";
import { problemsOf, rangeIn } from "./problems.js";

/** Milliseconds without a key before a text is checked. */
const QUIET = 150;

const CAPABILITIES: ServerCapabilities = {
  textDocumentSync: TextDocumentSyncKind.Incremental,
  documentFormattingProvider: true,
  hoverProvider: true,
  definitionProvider: true,
  documentSymbolProvider: true,
  completionProvider: { triggerCharacters: ["."] },
  codeActionProvider: true,
};

/** A text that was never saved has no folder: its paths start where the server does. */
const pathOf = (uri: string): string => (uri.startsWith("file:") ? fileURLToPath(uri) : uri);

const uriOf = (path: string): string | null => {
  if (path.startsWith("stdlib/")) return pathToFileURL(librarySource(path)).href;
  return path.startsWith("/") || /^[A-Za-z]:\\/.test(path) ? pathToFileURL(path).href : null;
};

export const languageServerCommand = (): void => {
  const connection = createConnection(ProposedFeatures.all, process.stdin, process.stdout);
  const documents = new TextDocuments(TextDocument);
  const actions = new Map<string, readonly CodeAction[]>();
  const waiting = new Map<string, NodeJS.Timeout>();

  /** Files that are open are read as they stand in the editor. */
  const hostOf = (uri: string): Host => {
    const host = fileHost(dirname(pathOf(uri)), pathOf(uri));
    const open = (path: string): TextDocument | undefined =>
      documents.get(pathToFileURL(path).href);
    return {
      ...host,
      readText: (path) => {
        const document = open(path);
        return document === undefined
          ? host.readText(path)
          : { ok: true, text: document.getText() };
      },
    };
  };

  const checkNow = async (document: TextDocument): Promise<void> => {
    const { uri, version } = document;
    const path = pathOf(uri);
    const checked = check(path, document.getText(), hostOf(uri));
    const result = await withFileProblems(checked, dirname(path));
    // Typed on, or closed, while the files were looked for.
    if (documents.get(uri)?.version !== version) return;
    const { problems, actions: found } = problemsOf(path, uri, result, uriOf);
    actions.set(uri, found);
    void connection.sendDiagnostics({ uri, version, diagnostics: [...problems] });
  };

  /** Once it is quiet; `uri` and whatever may use it, which is every other that is open. */
  const checkSoon = (uri: string): void => {
    clearTimeout(waiting.get(uri));
    const due = (): void => {
      waiting.delete(uri);
      for (const document of documents.all()) void checkNow(document);
    };
    waiting.set(uri, setTimeout(due, QUIET));
  };

  documents.onDidChangeContent(({ document }) => checkSoon(document.uri));
  documents.onDidClose(({ document: { uri } }) => {
    clearTimeout(waiting.get(uri));
    waiting.delete(uri);
    actions.delete(uri);
    void connection.sendDiagnostics({ uri, diagnostics: [] });
  });

  /** What a request about a place is answered from; null where the text is not open. */
  const placeOf = ({ textDocument: { uri }, position }: TextDocumentPositionParams) => {
    const document = documents.get(uri);
    if (document === undefined) return null;
    const { file } = parse(pathOf(uri), document.getText());
    return { file, offset: document.offsetAt(position), host: hostOf(uri) };
  };

  const fileOf = (uri: string): SourceFile | null => {
    const document = documents.get(uri);
    return document === undefined ? null : parse(pathOf(uri), document.getText()).file;
  };

  connection.onInitialize(() => ({
    capabilities: CAPABILITIES,
    serverInfo: { name: "espalier", version: VERSION },
  }));

  connection.onDocumentFormatting(({ textDocument: { uri } }): TextEdit[] => {
    const text = documents.get(uri)?.getText();
    if (text === undefined) return [];
    const { file, diagnostics } = parse(pathOf(uri), text);
    if (diagnostics.length > 0) return [];
    const newText = format(file);
    return newText === text
      ? []
      : [{ range: rangeIn(text, { start: 0, end: text.length }), newText }];
  });

  connection.onHover((params) => {
    const place = placeOf(params);
    return place === null ? null : hoverAt(place.file, place.offset, place.host);
  });

  connection.onDefinition((params): Location[] => {
    const place = placeOf(params);
    if (place === null) return [];
    return meantAt(place.file, place.offset, place.host).flatMap(({ file, nameSpan }) => {
      const uri = uriOf(file.path);
      return uri === null ? [] : [{ uri, range: rangeIn(file.text, nameSpan) }];
    });
  });

  connection.onCompletion((params) => {
    const place = placeOf(params);
    return place === null ? [] : [...completionsAt(place.file, place.offset, place.host)];
  });

  connection.onDocumentSymbol(({ textDocument: { uri } }) => {
    const file = fileOf(uri);
    return file === null ? [] : outlineOf(file);
  });

  connection.onCodeAction(({ textDocument: { uri }, context }) =>
    (actions.get(uri) ?? []).filter(({ diagnostics = [] }) =>
      diagnostics.some((own) =>
        context.diagnostics.some(
          ({ code, range }) =>
            code === own.code && JSON.stringify(range.start) === JSON.stringify(own.range.start),
        ),
      ),
    ),
  );

  documents.listen(connection);
  connection.listen();
};
