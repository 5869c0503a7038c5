/** This version of Espalier; equal to that of package.json (test/cli/help.test.ts). */
export const VERSION = "0.1.0";
