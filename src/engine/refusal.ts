import { TrestleError } from '../contract/error.ts'
import type { CompiledRule } from './compile.ts'
import { schemaFaultOf } from './encoding/schema-fault.ts'
import type { DecodeFault } from './expression/payload.ts'
import { noSite, type Scope, type Site } from './expression/scope.ts'
import type { PayloadSchema, SchemaFault } from './port.ts'

/** Longest text for the publisher. *Unit*: characters. */
const maxReasonLength = 300

/** The failure a scope holds, as the error of this message. */
export function expressionError(rule: CompiledRule, scope: Scope): TrestleError {
  const { site, code, reason } = scope
  if (code === 'E401' || code === 'E402') return payloadError(rule, scope.fault ?? { code, reason })
  const place = site === noSite ? {} : { place: placeOf(rule, site) }
  return refusalError(code, `${reason} (rule ${rule.name})`, { rule: rule.name, ...place })
}

/** The payload, or what a target makes of it, does not fit the schema. */
export const schemaError = (rule: CompiledRule, schema: PayloadSchema, fault: SchemaFault): TrestleError =>
  payloadError(rule, schemaFaultOf(schema, fault))

function payloadError(rule: CompiledRule, { code, reason, field, keyword }: DecodeFault): TrestleError {
  const place = field === undefined || keyword === undefined ? {} : { field, keyword }
  return refusalError(code, reason, { rule: rule.name, ...place })
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
