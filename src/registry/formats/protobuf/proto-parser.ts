import { maxSchemaBytes, tooLarge } from '../format.ts'
import { enumeration, maxFieldNumber, ranges, reservedNames } from './proto-enum.ts'
import type {
  EnumDeclaration,
  FieldDeclaration,
  MessageDeclaration,
  OneofDeclaration,
  Place,
  ProtoFile,
  ProtoImport,
} from './proto-file.ts'
import { fieldOptions, option, skipValue } from './proto-option.ts'
import { ProtoRefused, refuse, type Token, Tokens, tokenize, told } from './proto-token.ts'

/** Messages in messages. */
const maxNesting = 32

/**
 * Reads a `.proto` file: proto2, proto3 and the editions 2023 and 2024. Services, extensions and custom options are
 * read over, because no payload depends on them. *Errors*: throws ProtoRefused.
 *
 * *Source*: protobuf.dev, language specifications of proto2, proto3 and editions.
 */
export function parseProto(text: string): ProtoFile {
  if (Buffer.byteLength(text) > maxSchemaBytes) throw new ProtoRefused(tooLarge)
  const tokens = new Tokens(tokenize(text.startsWith('\uFEFF') ? text.slice(1) : text))
  const edition = editionOf(tokens)
  const imports: ProtoImport[] = []
  const messages: MessageDeclaration[] = []
  const enums: EnumDeclaration[] = []
  const options = new Map<string, string>()
  const count = { nested: 0 }
  let packageName: string | null = null
  while (tokens.next.kind !== 'end') {
    const { next } = tokens
    const modifier = /^(export|local)$/.test(next.text) && /^(message|enum)$/.test(tokens.afterNext.text)
    if (modifier) tokens.take()
    if (tokens.accept(';')) continue
    if (tokens.accept('message')) messages.push(message(tokens, 0, count))
    else if (tokens.accept('enum')) enums.push(enumeration(tokens))
    else if (tokens.accept('import')) imports.push(importOf(tokens, next))
    else if (tokens.accept('option')) option(tokens, options)
    else if (tokens.accept('service')) service(tokens)
    else if (tokens.accept('extend')) extend(tokens, 0)
    else if (tokens.accept('package')) {
      if (packageName !== null) refuse(next, 'the package is named twice')
      packageName = tokens.path('a package')
      tokens.expect(';')
    } else refuse(next, `expected a message, an enum or an import, not ${told(next)}`)
  }
  return { edition, package: packageName ?? '', imports, options, messages, enums }
}

function editionOf(tokens: Tokens): string {
  const { next } = tokens
  const word = tokens.accept('syntax') ? 'syntax' : tokens.accept('edition') ? 'edition' : null
  if (word === null) return 'proto2'
  tokens.expect('=')
  const value = tokens.string(`the ${word}`)
  tokens.expect(';')
  const known = word === 'syntax' ? ['proto2', 'proto3'] : ['2023', '2024']
  if (!known.includes(value))
    refuse(next, `${word} ${JSON.stringify(value)} is not known; there are ${known.join(' and ')}`, 'E303')
  return value
}

function importOf(tokens: Tokens, at: Place): ProtoImport {
  const isPublic = tokens.accept('public')
  // An `option` import serves custom options alone.
  const others = !isPublic && (tokens.accept('weak') || tokens.accept('option'))
  const path = tokens.string('the path of a file')
  tokens.expect(';')
  return { path, public: isPublic && !others, line: at.line, column: at.column }
}

/** What stands in the braces of a message, while it is read. */
interface Members {
  readonly fields: FieldDeclaration[]
  readonly oneofs: OneofDeclaration[]
  readonly messages: MessageDeclaration[]
  readonly enums: EnumDeclaration[]
  readonly options: Map<string, string>
  readonly ranges: [number, number][]
  readonly names: Set<string>
  readonly extensions: [number, number][]
  /** Messages so far, those of which maps are lists among them. */
  readonly count: { nested: number }
}

const noMembers = (): Members => ({
  fields: [],
  oneofs: [],
  messages: [],
  enums: [],
  options: new Map(),
  ranges: [],
  names: new Set(),
  extensions: [],
  count: { nested: 0 },
})

function message(
  tokens: Tokens,
  depth: number,
  count: { nested: number },
  name: Token = tokens.name('the name of a message'),
): MessageDeclaration {
  const index = count.nested++
  if (depth > maxNesting) refuse(name, `messages are nested deeper than ${maxNesting}`, 'E303')
  const members = noMembers()
  tokens.expect('{')
  while (!tokens.accept('}')) member(tokens, members, depth)
  const { ranges, names, count: _, ...rest } = members
  return { name: name.text, index, ...rest, reserved: { ranges, names }, line: name.line, column: name.column }
}

function member(tokens: Tokens, members: Members, depth: number): void {
  const { next, afterNext } = tokens
  if (next.kind === 'end') refuse(next, 'the message does not end')
  if (tokens.accept(';')) return
  // Each of these words may also be the name of a type: `message.Type field = 1;`, `option option = 2;`.
  const named = afterNext.kind === 'name'
  if (/^(export|local)$/.test(next.text) && /^(message|enum)$/.test(afterNext.text)) tokens.take()
  if (tokens.next.text === 'message' && named && tokens.accept('message'))
    members.messages.push(message(tokens, depth + 1, members.count))
  else if (tokens.next.text === 'enum' && named && tokens.accept('enum')) members.enums.push(enumeration(tokens))
  else if (next.text === 'oneof' && named && tokens.accept('oneof')) oneof(tokens, members, depth)
  else if (next.text === 'option' && (named || afterNext.text === '(') && tokens.accept('option'))
    option(tokens, members.options)
  else if (next.text === 'reserved' && /^(string|number|name)$/.test(afterNext.kind) && tokens.accept('reserved')) {
    if (tokens.next.kind === 'number') members.ranges.push(...ranges(tokens))
    else reservedNames(tokens, members.names)
  } else if (next.text === 'extensions' && afterNext.kind === 'number' && tokens.accept('extensions')) {
    members.extensions.push(...ranges(tokens))
  } else if (next.text === 'extend' && (named || afterNext.text === '.') && tokens.accept('extend'))
    extend(tokens, depth)
  else if (next.text === 'map' && afterNext.text === '<' && tokens.accept('map')) {
    members.count.nested++
    members.fields.push(mapField(tokens, next))
  } else field(tokens, members, null, depth)
}

function field(tokens: Tokens, members: Members, inOneof: string | null, depth: number): void {
  const { next } = tokens
  const labels = ['optional', 'required', 'repeated'] as const
  // `optional optional = 1;` is a field of a type named optional: a label is followed by a type and a name.
  const label = tokens.afterNext.text === '=' ? undefined : labels.find((one) => tokens.accept(one))
  if (label !== undefined && inOneof !== null) refuse(next, `a field of a oneof cannot be \`${label}\``)
  if (tokens.next.text === 'group' && tokens.afterNext.kind === 'name' && tokens.accept('group')) {
    groupField(tokens, members, label ?? null, inOneof, depth)
    return
  }
  const type = tokens.path('the type of a field')
  const name = tokens.name('the name of a field')
  tokens.expect('=')
  const number = fieldNumber(tokens)
  const options = fieldOptions(tokens)
  tokens.expect(';')
  const place = { line: name.line, column: name.column }
  members.fields.push({
    name: name.text,
    number,
    label: label ?? null,
    type,
    key: null,
    oneof: inOneof,
    group: false,
    options,
    ...place,
  })
}

function groupField(
  tokens: Tokens,
  members: Members,
  label: FieldDeclaration['label'],
  inOneof: string | null,
  depth: number,
) {
  const name = tokens.name('the name of a group')
  tokens.expect('=')
  const number = fieldNumber(tokens)
  const options = fieldOptions(tokens)
  members.messages.push(message(tokens, depth + 1, members.count, name))
  const place = { line: name.line, column: name.column }
  const declared = { name: name.text.toLowerCase(), number, label, type: name.text, key: null, oneof: inOneof }
  members.fields.push({ ...declared, group: true, options, ...place })
}

const keyTypes = /^(u?int(32|64)|sint(32|64)|s?fixed(32|64)|bool|string)$/

function mapField(tokens: Tokens, at: Place): FieldDeclaration {
  tokens.expect('<')
  const key = tokens.name('the type of a key')
  if (!keyTypes.test(key.text)) refuse(key, `\`${key.text}\` cannot be the type of a map's keys`)
  tokens.expect(',')
  const type = tokens.path('the type of a value')
  tokens.expect('>')
  const name = tokens.name('the name of a field')
  tokens.expect('=')
  const number = fieldNumber(tokens)
  const options = fieldOptions(tokens)
  tokens.expect(';')
  const place = { line: at.line, column: at.column }
  return {
    name: name.text,
    number,
    label: 'repeated',
    type,
    key: key.text,
    oneof: null,
    group: false,
    options,
    ...place,
  }
}

function oneof(tokens: Tokens, members: Members, depth: number): void {
  const name = tokens.name('the name of a oneof')
  const options = new Map<string, string>()
  members.oneofs.push({ name: name.text, options, line: name.line, column: name.column })
  tokens.expect('{')
  while (!tokens.accept('}')) {
    if (tokens.next.kind === 'end') refuse(tokens.next, 'the oneof does not end')
    if (tokens.accept(';')) continue
    if (tokens.next.text === 'option' && tokens.afterNext.text !== '.' && tokens.accept('option'))
      option(tokens, options)
    else field(tokens, members, name.text, depth)
  }
}

function fieldNumber(tokens: Tokens): number {
  const { next } = tokens
  const number = tokens.integer('the number of a field')
  if (number < 1 || number > maxFieldNumber) refuse(next, `${number} cannot number a field: 1 to ${maxFieldNumber} can`)
  if (number >= 19_000 && number <= 19_999) refuse(next, "19000 to 19999 are Protobuf's own numbers")
  return number
}

/** Fields that are declared for others' messages: nobody here knows them, and they are read over. */
function extend(tokens: Tokens, depth: number): void {
  tokens.path('a message to extend')
  const nobody = noMembers()
  tokens.expect('{')
  while (!tokens.accept('}')) {
    if (tokens.next.kind === 'end') refuse(tokens.next, 'the extension does not end')
    if (!tokens.accept(';')) field(tokens, nobody, null, depth)
  }
}

function service(tokens: Tokens): void {
  tokens.name('the name of a service')
  skipValue(tokens, '{', '}')
}
