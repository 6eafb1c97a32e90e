import { TrestleError } from '../contract/error.ts'
import type { CompiledRule } from './compile.ts'
import { noSite, type Scope, type Site } from './expression/scope.ts'
import type { SchemaFault } from './port.ts'

/** Longest text for the publisher. *Unit*: characters. */
const maxReasonLength = 300

/** The failure a scope holds, as the error of this message. */
export function expressionError(rule: CompiledRule, scope: Scope): TrestleError {
  const { site, code, reason } = scope
  const message = code === 'E402' ? reason : `${reason} (rule ${rule.name})`
  return refusalError(code, message, { rule: rule.name, ...(site === noSite ? {} : { place: placeOf(rule, site) }) })
}

/** `payload.temperature_f must be number (schema telemetry@3)`. */
export function schemaError(rule: CompiledRule, fault: SchemaFault): TrestleError {
  const field = `payload${printPointer(fault.path)}`
  const { subject, version } = rule.schema!
  const message = `${field} ${fault.message} (schema ${subject}@${version})`
  return refusalError('E401', message, { rule: rule.name, field, keyword: fault.keyword })
}

/** What the engine did not foresee, such as data nested so deep that the stack ends. */
export const unforeseenError = (rule: CompiledRule, thrown: unknown): TrestleError =>
  refusalError('E403', `${(thrown as Error).message ?? thrown} (rule ${rule.name})`, { rule: rule.name })

/** Refusals are answers to publishers, not bugs of ours: they carry no stack, which would cost more than the rule. */
function refusalError(code: TrestleError['code'], message: string, detail: Record<string, string>): TrestleError {
  const limit = Error.stackTraceLimit
  Error.stackTraceLimit = 0
  const error = new TrestleError(code, printable(message), { detail })
  Error.stackTraceLimit = limit
  return error
}

/** Publishers choose parts of these texts; MQTT forbids NUL in them and people cannot read the rest. */
function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is taken out
  const clean = text.toWellFormed().replace(/[\u0000-\u001f\u007f-\u009f]/g, ' ')
  return clean.length > maxReasonLength ? `${clean.slice(0, maxReasonLength - 1).toWellFormed()}…` : clean
}

const places = new WeakMap<Site, string>()

function placeOf(rule: CompiledRule, site: Site): string {
  let place = places.get(site)
  if (place === undefined) {
    const { line, column } = rule.document.at(site.origin.path, site.offset)
    place = `${rule.file}:${line}:${column}`
    places.set(site, place)
  }
  return place
}

/** A JSON pointer in the words of expressions: `/a/0/b c` is `.a[0]["b c"]`. */
function printPointer(pointer: string): string {
  let text = ''
  for (const step of pointer.split('/').slice(1)) {
    const name = step.replaceAll('~1', '/').replaceAll('~0', '~')
    if (/^\d+$/.test(name)) text += `[${name}]`
    else text += /^[\w$]+$/.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`
  }
  return text
}
