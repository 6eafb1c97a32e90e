/**
 * Turns cel-spec's tests into the JSON that conformance.test.ts reads:
 * `git -C cel-spec archive HEAD tests/simple/testdata | tar -x`, then `node convert.ts tests/simple/testdata data`.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suites } from './suites.ts'
import { type Field, type Message, readTextproto } from './textproto.ts'

const repeated: readonly string[] = ['values', 'entries', 'errors', 'params', 'overloads', 'parameter_types']

const [from, to] = process.argv.slice(2)
if (from === undefined || to === undefined) throw new Error('convert.ts FROM TO')
for (const file of readdirSync(from)) {
  const name = file.replace('.textproto', '')
  if (!file.endsWith('.textproto') || !suites.includes(name)) continue
  const whole = readTextproto(readFileSync(join(from, file), 'utf8'))
  const sections = messages(whole, 'section').map((section) => {
    // One line a test keeps the files readable, and their differences too.
    const tests = messages(section, 'test').map((test) => `  ${JSON.stringify(convertTest(test))}`)
    return `{"name": ${JSON.stringify(text(section, 'name'))}, "tests": [\n${tests.join(',\n')}\n]}`
  })
  writeFileSync(join(to, `${name}.json`), `{"suite": "${name}", "sections": [\n${sections.join(',\n')}\n]}\n`)
}

function convertTest(test: Message): object {
  const types = messages(test, 'type_env').map((declaration) => [text(declaration, 'name'), plain(declaration)])
  const bindings = messages(test, 'bindings').map((binding) => [text(binding, 'key'), plain(binding.get('value')![0]!)])
  const outcomes = ['value', 'eval_error', 'any_eval_errors', 'unknown', 'any_unknowns', 'typed_result']
  const outcome = outcomes.find((kind) => test.has(kind))
  return {
    name: text(test, 'name'),
    expr: text(test, 'expr'),
    ...(test.has('container') ? { container: text(test, 'container') } : {}),
    ...(test.has('disable_check') ? { disable_check: true } : {}),
    ...(test.has('check_only') ? { check_only: true } : {}),
    ...(types.length > 0 ? { types: Object.fromEntries(types) } : {}),
    ...(bindings.length > 0 ? { bindings: Object.fromEntries(bindings) } : {}),
    // A test that names no outcome expects true.
    outcome: outcome === undefined ? { value: { bool_value: 'true' } } : { [outcome]: plain(test.get(outcome)![0]!) },
  }
}

function messages(of: Message, name: string): Message[] {
  return (of.get(name) ?? []).filter((field): field is Message => field instanceof Map)
}

function text(of: Message, name: string): string {
  return String(of.get(name)?.[0] ?? '')
}

/** A message as an object; repeated fields as lists, bytes as base64. */
function plain(field: Field): unknown {
  if (!(field instanceof Map)) return Buffer.isBuffer(field) ? field.toString() : field
  const made: Record<string, unknown> = {}
  for (const [name, values] of field) {
    const all = values.map((value) =>
      name === 'bytes_value' && Buffer.isBuffer(value) ? value.toString('base64') : plain(value),
    )
    made[name] = repeated.includes(name) ? all : all[0]
  }
  return made
}
