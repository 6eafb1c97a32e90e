import { type Comparison, type Difference, difference, type SchemaText } from '../incompatibility.ts'
import { type ProtoMessage, ProtoReader, type ProtoType } from './declarations.ts'
import { compareMessages, type ProtoSides } from './message.ts'
import { describeProtobuf } from './wording.ts'

/**
 * Protobuf's rules, by field number: what Confluent's registry tells apart. What is added, renamed or reordered is
 * compatible; a field may be removed unless it is required or of a oneof that goes on.
 */
export const protobufDifferences: Comparison = {
  differences(reader: SchemaText, writer: SchemaText) {
    const files = new ProtoReader()
    const sides: ProtoSides = { update: files.read(reader), original: files.read(writer), compared: new Map() }
    const found: Difference[] = []
    if (sides.original.package !== sides.update.package) found.push(difference('PACKAGE_CHANGED'))
    compareTypes(sides, sides.original.types, sides.update.types, [], found)
    return found.slice(0, 100)
  },

  path: (path) => `#/${path.join('/')}`,
  describe: describeProtobuf,
  message: (rule, description) => `{errorType:"${rule}", description:"${description}"}`,
}

function compareTypes(
  sides: ProtoSides,
  original: readonly ProtoType[],
  update: readonly ProtoType[],
  path: readonly string[],
  found: Difference[],
): void {
  const updated = messagesOf(update)
  for (const [name, message] of messagesOf(original)) {
    const here = [...path, name]
    const other = updated.get(name)
    if (other === undefined) {
      found.push(difference('MESSAGE_REMOVED', here))
      continue
    }
    compareMessages(sides, message, other, { path: here, original: null, update: null }, found)
    compareTypes(sides, message.nested, other.nested, here, found)
  }
}

const messagesOf = (types: readonly ProtoType[]): Map<string, ProtoMessage> =>
  new Map(types.flatMap((type) => (type.kind === 'message' ? [[type.name, type] as const] : [])))
