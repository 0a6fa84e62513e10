// A session of a real editor client with "proxylint lsp": node client.mjs PROXYLINT WORKSPACE
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import {
  CodeActionRequest, createProtocolConnection, DefinitionRequest, DiagnosticSeverity,
  DidChangeTextDocumentNotification, DidCloseTextDocumentNotification, DidOpenTextDocumentNotification,
  ExecuteCommandRequest, ExitNotification, HoverRequest, InitializedNotification, InitializeRequest,
  PositionEncodingKind, PublishDiagnosticsNotification, RegistrationRequest, ShowDocumentRequest,
  ShutdownRequest, StreamMessageReader, StreamMessageWriter,
} from "vscode-languageserver-protocol/node";

const [proxylint, workspace] = process.argv.slice(2);
const patience = 10_000; // milliseconds for any one answer

const server = spawn(proxylint, ["lsp", "--stdio"], { cwd: workspace, stdio: ["pipe", "pipe", "inherit"] });
const exited = new Promise((resolve) => server.on("exit", resolve));
const client = createProtocolConnection(new StreamMessageReader(server.stdout), new StreamMessageWriter(server.stdin));
client.onError(([error]) => { throw error; });

function soon(promise, what) {
  let timer;
  const late = new Promise((_, reject) => { timer = setTimeout(() => reject(new Error(`no ${what}`)), patience); });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

// open sends a file of the workspace, and keeps what the server says of it.
const published = new Map();
let arrived = () => {};
client.onNotification(PublishDiagnosticsNotification.type, (p) => { published.set(p.uri, p); arrived(); });

async function open(name, languageId) {
  const uri = pathToFileURL(join(workspace, name)).href;
  const text = readFileSync(join(workspace, name), "utf8");
  const document = { uri, version: 1, text, identifier: { uri } };
  await client.sendNotification(DidOpenTextDocumentNotification.type, {
    textDocument: { uri, languageId, version: 1, text },
  });
  return document;
}

async function change(document, text) {
  document.text = text;
  document.version++;
  await client.sendNotification(DidChangeTextDocumentNotification.type, {
    textDocument: { uri: document.uri, version: document.version }, contentChanges: [{ text }],
  });
}

// diagnosed waits for the diagnostics of the document's present version.
async function diagnosed(document) {
  const known = () => published.get(document.uri)?.version === document.version;
  await soon(new Promise((resolve) => {
    arrived = () => known() && resolve();
    arrived();
  }), `diagnostics of ${document.uri}, version ${document.version}`);
  return published.get(document.uri).diagnostics;
}

// place finds words in a document, in UTF-16 units as JavaScript counts.
function place(document, words, skip = 0) {
  const at = document.text.indexOf(words) + skip;
  assert.ok(at >= skip, `${words} is in the text`);
  const before = document.text.slice(0, at).split("\n");
  return { line: before.length - 1, character: before.at(-1).length };
}

function offset(text, { line, character }) {
  return text.split("\n").slice(0, line).reduce((sum, row) => sum + row.length + 1, 0) + character;
}

const textAt = (document, { start, end }) => document.text.slice(offset(document.text, start), offset(document.text, end));

function edited(document, edit) {
  const [change, ...others] = edit.documentChanges;
  assert.deepEqual(others, []);
  assert.deepEqual(change.textDocument, { uri: document.uri, version: document.version });
  return [...change.edits].sort((a, b) => offset(document.text, b.range.start) - offset(document.text, a.range.start))
    .reduce((text, e) => text.slice(0, offset(document.text, e.range.start)) + e.newText +
      text.slice(offset(document.text, e.range.end)), document.text);
}

const request = (type, params) => soon(client.sendRequest(type, params), type.method);
const hover = (document, position) => request(HoverRequest.type, { textDocument: document.identifier, position });
const actions = (document, range) =>
  request(CodeActionRequest.type, { textDocument: document.identifier, range, context: { diagnostics: [] } });
const definition = async (document, position) =>
  (await request(DefinitionRequest.type, { textDocument: document.identifier, position }))
    .map((l) => `${l.uri.slice(pathToFileURL(workspace).href.length + 1)}:${l.range.start.line + 1}:${l.range.start.character + 1}`);
const of = (diagnostics, rule) => diagnostics.find((d) => d.code === rule);

const watching = new Promise((resolve) => {
  client.onRequest(RegistrationRequest.type, ({ registrations }) => { resolve(registrations[0].method); });
});
const shown = new Promise((resolve) => {
  client.onRequest(ShowDocumentRequest.type, ({ uri }) => { resolve(uri); return { success: true }; });
});
client.listen();

// The handshake.
const { capabilities, serverInfo } = await request(InitializeRequest.type, {
  processId: process.pid,
  rootUri: pathToFileURL(workspace).href,
  capabilities: {
    general: { positionEncodings: [PositionEncodingKind.UTF16] },
    workspace: { workspaceEdit: { documentChanges: true }, didChangeWatchedFiles: { dynamicRegistration: true } },
    window: { showDocument: { support: true } },
  },
});
assert.equal(serverInfo.name, "proxylint");
assert.equal(capabilities.positionEncoding, PositionEncodingKind.UTF16);
await client.sendNotification(InitializedNotification.type, {});
assert.equal(await soon(watching, "registration"), "workspace/didChangeWatchedFiles");

// A part of nginx.conf is linted inside it: the group app is known. The fault stands on its words.
const shop = await open("conf.d/shop.conf", "nginx");
let found = await diagnosed(shop);
assert.ok(!of(found, "unknown-host") && of(found, "host-header-is-group"), JSON.stringify(found));
const port = of(found, "port-scheme-mismatch");
assert.equal(textAt(shop, port.range), "80");
assert.equal(port.severity, DiagnosticSeverity.Error);
assert.match(port.message, /^https goes to port 80.*\nthe client sees: 502\nhint: http/);
assert.match(port.codeDescription.href, /#port-scheme-mismatch$/);

// Hover.
const doc = await hover(shop, port.range.start);
assert.equal(doc.contents.kind, "markdown");
assert.match(doc.contents.value, /^## port-scheme-mismatch\n/);
assert.equal(await hover(shop, { line: 0, character: 0 }), null);

// Definitions in other files and in the same one.
assert.deepEqual(await definition(shop, place(shop, "http://app", 8)), ["nginx.conf:4:14"]);
const nginx = await open("nginx.conf", "nginx");
assert.deepEqual(await definition(nginx, place(nginx, "conf.d/*")), ["conf.d/shop.conf:1:1"]);
await diagnosed(nginx);

// A repair, applied as an editor does, leaves nothing of what it mends.
const haproxy = await open("haproxy.cfg", "haproxy");
const unit = of(await diagnosed(haproxy), "timeout-unit");
assert.equal(textAt(haproxy, unit.range), "5");
assert.deepEqual(await definition(haproxy, place(haproxy, "use_backend api", 12)), ["haproxy.cfg:19:9"]);
assert.deepEqual(await definition(haproxy, place(haproxy, "if is_api", 3)), ["haproxy.cfg:12:9"]);
const [fix, ...more] = await actions(haproxy, unit.range);
assert.equal(fix.title, 'write "5s" (may change what works)');
assert.ok(fix.kind === "quickfix" && !fix.isPreferred);
assert.deepEqual(fix.diagnostics, [unit]);
await change(haproxy, edited(haproxy, fix.edit));
assert.match(haproxy.text, /timeout connect 5s\n/);
assert.equal(of(await diagnosed(haproxy), "timeout-unit"), undefined);

// "explain" shows the rule's page.
const explain = more.find((a) => a.title === "explain timeout-unit");
await request(ExecuteCommandRequest.type, explain.command);
assert.match(await soon(shown, "page"), /#timeout-unit$/);

// The comment that accepts a finding takes it away.
const ignore = (await actions(shop, port.range)).find((a) => a.title.startsWith("ignore") && a.title.endsWith(port.code));
await change(shop, edited(shop, ignore.edit));
assert.match(shop.text, /\n {4}# proxylint:ignore port-scheme-mismatch -- REASON\n {4}location \/müsli/);
assert.equal(of(await diagnosed(shop), port.code), undefined);

// Mended by hand, all vanish; a closed file has none.
await change(shop, "server {\n    listen 80;\n    return 204;\n}\n");
assert.deepEqual(await diagnosed(shop), []);
await change(shop, "server {\n    listen 80;\n    retrun 204;\n}\n");
assert.equal((await diagnosed(shop)).length, 1);
for (const document of [nginx, shop]) {
  await client.sendNotification(DidCloseTextDocumentNotification.type, { textDocument: document.identifier });
}
await hover(haproxy, unit.range.start); // the answer comes after what was closed is published
assert.deepEqual(published.get(shop.uri).diagnostics, []);
assert.deepEqual(published.get(nginx.uri).diagnostics, []);

await request(ShutdownRequest.type, undefined);
await client.sendNotification(ExitNotification.type);
assert.equal(await soon(exited, "exit"), 0);
