// Runs the recorder in CPython 3.14.2, which the npm package pyodide carries:
//   node record.mjs store [FILE]             record scenarios/*.py (or one) into traces/
//   node record.mjs show NAME                print the traces of the scenarios whose names start so
//   node record.mjs random KIND COUNT SEED FILE   record COUNT random programs about tasks, streams or locks into FILE; with a
//                                            fifth argument, their texts too
import fs from "node:fs";
import path from "node:path";
import os from "node:os";
import { fileURLToPath, pathToFileURL } from "node:url";

const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.dirname(here);
const installed = process.env.CASYNC_PYODIDE ?? path.join(os.homedir(), ".cache", "casync", "pyodide");

async function start() {
  const entry = path.join(installed, "node_modules", "pyodide", "pyodide.mjs");
  let loadPyodide;
  try {
    ({ loadPyodide } = await import(pathToFileURL(entry)));
  } catch {
    console.error(`no pyodide in ${installed}: npm install --prefix "${installed}" pyodide@314.0.7`);
    process.exit(2);
  }
  const python = await loadPyodide();
  python.mountNodeFS("/parity", root);
  python.runPython(`
import sys, asyncio
assert sys.version_info[:3] == (3, 14, 2), sys.version
sys.path.insert(0, "/parity/record")
sys.dont_write_bytecode = True
asyncio._set_running_loop(None)
import driver`);
  return python;
}

const [command, ...args] = process.argv.slice(2);
const python = await start();

// Python's error without the text of the module that threw it: that one line is half a megabyte long.
function run(code) {
  try {
    return python.runPython(code);
  } catch (error) {
    console.error(error.message);
    process.exit(1);
  }
}

if (command === "store") {
  const files = run(`driver.store("/parity", ${JSON.stringify(args[0] ?? "")})`).toJs();
  for (const [name, text] of files) fs.writeFileSync(path.join(root, "traces", `${name}.lua`), text);
} else if (command === "show") {
  run(`driver.show("/parity", ${JSON.stringify(args[0] ?? "")})`);
} else if (command === "random") {
  const [kind, count, seed, file, text] = args;
  fs.writeFileSync(file, run(`driver.random(${JSON.stringify(kind)}, ${Number(count)}, ${Number(seed)}, ${text ? "True" : "False"})`));
} else {
  console.error("usage: record.mjs store [FILE] | show NAME | random tasks|streams|locks|queues COUNT SEED FILE");
  process.exit(2);
}
