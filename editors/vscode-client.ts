/** Starts Espalier's language server for VS Code and ends it again. Bundled to `vscode/dist/client.cjs` by `npm run editors`. */
import { realpathSync } from "node:fs";
import { join } from "node:path";
import { type ExtensionContext, workspace } from "vscode";
import { LanguageClient, TransportKind } from "vscode-languageclient/node";

let client: LanguageClient | null = null;

/** The command line as the settings name it, else the one that was built beside this extension. */
const programOf = ({ extensionPath }: ExtensionContext): string => {
  const chosen = workspace.getConfiguration("prune").get<string>("program", "");
  return chosen === "" ? join(realpathSync(extensionPath), "../../dist/espalier.js") : chosen;
};

export const activate = async (context: ExtensionContext): Promise<void> => {
  const args = [programOf(context), "language-server"];
  client = new LanguageClient(
    "prune",
    "Prune",
    { command: "node", args, transport: TransportKind.stdio },
    { documentSelector: [{ language: "prune" }] },
  );
  await client.start();
};

export const deactivate = (): Promise<void> => client?.stop() ?? Promise.resolve();
