import { isIPv4, isIPv6 } from 'node:net'
import { checkDocument, sortFaults } from '../document/check.ts'
import type { Fault } from '../document/fault.ts'
import { readDocument } from '../document/yaml.ts'
import { type AccessRuleEntry, accessRulesSchema } from './access-schema.ts'

/** Reads the file of access rules. `filterFault` says what is wrong with a topic filter. Faults: E102 to E105, E109, E206. */
export function readAccessRules(
  file: string,
  text: string,
  filterFault: (filter: string) => string | null,
): { entries: AccessRuleEntry[]; faults: Fault[] } {
  const { document, faults } = readDocument(file, text)
  if (faults.length > 0) return { entries: [], faults }
  const checked = checkDocument(document, accessRulesSchema, { value: document.value ?? [], noun: 'field' })
  if (checked.faults.length > 0) return { entries: [], faults: checked.faults }
  const entries = checked.value as AccessRuleEntry[]
  const found: Fault[] = []
  for (const [index, { allow, deny, topics, address }] of entries.entries()) {
    const place = { file, ...document.at([index]) }
    if ((allow === undefined) === (deny === undefined)) {
      const message = `rule ${index + 1} says ${allow === undefined ? 'neither' : 'both'} \`allow\` ${allow === undefined ? 'nor' : 'and'} \`deny\``
      found.push({ ...place, code: 'E109', message })
    }
    for (const [at, topic] of topics.entries()) {
      const fault = filterFault(topic.replace(/%[cu]/g, 'x'))
      if (fault !== null) {
        found.push({ file, ...document.at([index, 'topics', at]), code: 'E206', message: `the topic filter ${fault}` })
      }
    }
    if (address !== undefined && !isNetwork(address)) {
      found.push({
        file,
        ...document.at([index, 'address']),
        code: 'E104',
        message: `address: ${address} is no address and no network`,
      })
    }
  }
  return { entries, faults: sortFaults(found) }
}

/** Whether a text is an address, or a network such as `10.0.0.0/8`. */
export function isNetwork(text: string): boolean {
  const [address = '', bits] = text.split('/')
  if (!isIPv4(address) && !isIPv6(address)) return false
  return bits === undefined || Number(bits) <= (isIPv4(address) ? 32 : 128)
}
