import type { DecodeFault } from '../expression/payload.ts'
import type { PayloadSchema, SchemaFault } from '../port.ts'

/** `payload.temperature_f must be number (schema telemetry@3)`. */
export function schemaFaultOf({ subject, version }: PayloadSchema, fault: SchemaFault): Required<DecodeFault> {
  const field = `payload${printPointer(fault.path)}`
  const reason = `${field} ${fault.message} (schema ${subject}@${version})`
  return { code: 'E401', reason, field, keyword: fault.keyword }
}

/** What is told when a schema's `decode` or `encode` gives no reason. */
export const noFit: SchemaFault = { path: '', message: 'does not fit', keyword: '' }

/** A JSON pointer in the words of expressions: `/a/0/b c` is `.a[0]["b c"]`. */
export function printPointer(pointer: string): string {
  let text = ''
  for (const step of pointer.split('/').slice(1)) {
    const name = step.replaceAll('~1', '/').replaceAll('~0', '~')
    if (/^\d+$/.test(name)) text += `[${name}]`
    else text += /^[\w$]+$/.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`
  }
  return text
}
