import type { FieldDeclaration, MessageDeclaration, Options } from './proto-file.ts'
import { parseProto } from './proto-parser.ts'
import { ProtoRefused, tokenize } from './proto-token.ts'

/** The words of a file with one blank between them, without comments. Of a text that cannot be read, the text itself. */
export function canonicalProto(text: string): string {
  try {
    return tokenize(text)
      .filter(({ kind }) => kind !== 'end')
      .map((token) => (token.kind === 'string' ? JSON.stringify(token.text) : token.text))
      .join(' ')
  } catch (thrown) {
    if (thrown instanceof ProtoRefused) return text
    throw thrown
  }
}

/**
 * A file as Confluent's `normalize=true` wants it: imports and options by name, fields by number, one way to write
 * each. Messages stay where they are, because their places name them on the wire. What no payload depends on (services,
 * extensions, custom options) is left out.
 */
export function normalProto(text: string): string {
  try {
    const file = parseProto(text)
    const word = file.edition.startsWith('proto') ? 'syntax' : 'edition'
    const imports = file.imports.map((one) => `import ${one.public ? 'public ' : ''}${JSON.stringify(one.path)};`)
    return [
      `${word} = "${file.edition}";`,
      ...(file.package === '' ? [] : [`package ${file.package};`]),
      ...[...new Set(imports)].sort(),
      ...optionLines(file.options),
      ...file.messages.flatMap((one) => messageLines(one)),
      ...file.enums.flatMap(enumLines),
      '',
    ].join('\n')
  } catch (thrown) {
    if (thrown instanceof ProtoRefused) return text
    throw thrown
  }
}

const indented = (lines: readonly string[]): string[] => lines.map((line) => `  ${line}`)

const byName = ([a]: readonly [string, string], [b]: readonly [string, string]): number => (a < b ? -1 : 1)

/** Words and numbers are written as they are, anything else in quotes. */
const value = (text: string): string => (/^-?[\w.]+$/.test(text) ? text : JSON.stringify(text))

const optionLines = (options: Options): string[] =>
  [...options].sort(byName).map(([name, text]) => `option ${name} = ${value(text)};`)

const byNumber = (a: { number: number }, b: { number: number }): number => a.number - b.number

function messageLines(message: MessageDeclaration): string[] {
  const { reserved, oneofs, fields, messages } = message
  const groups = new Map(fields.filter(({ group }) => group).map((field) => [field.type, field]))
  const lines = [
    ...optionLines(message.options),
    ...[...reserved.ranges].sort(([a], [b]) => a - b).map(([first, last]) => `reserved ${range(first, last)};`),
    ...[...reserved.names].sort().map((name) => `reserved ${JSON.stringify(name)};`),
    ...message.extensions.map(([first, last]) => `extensions ${range(first, last)};`),
    ...fields
      .filter(({ oneof, group }) => oneof === null && !group)
      .toSorted(byNumber)
      .map(fieldLine),
    ...oneofs.flatMap(({ name, options }) => [
      `oneof ${name} {`,
      ...indented([
        ...optionLines(options),
        ...fields
          .filter(({ oneof, group }) => oneof === name && !group)
          .toSorted(byNumber)
          .map(fieldLine),
      ]),
      '}',
    ]),
    ...messages.flatMap((inner) => {
      const group = groups.get(inner.name)
      const body = messageLines(inner)
      return group === undefined
        ? body
        : [`${group.label ?? ''} group ${inner.name} = ${group.number} {`.trim(), ...body.slice(1)]
    }),
    ...message.enums.flatMap(enumLines),
  ]
  return [`message ${message.name} {`, ...indented(lines), '}']
}

const range = (first: number, last: number): string => (first === last ? `${first}` : `${first} to ${last}`)

function fieldLine({ label, key, type, name, number, options }: FieldDeclaration): string {
  const kind = key === null ? `${label === null ? '' : `${label} `}${type}` : `map<${key}, ${type}>`
  const set = [...options].sort(byName).map(([option, text]) => `${option} = ${value(text)}`)
  return `${kind} ${name} = ${number}${set.length === 0 ? '' : ` [${set.join(', ')}]`};`
}

const enumLines = (one: {
  readonly name: string
  readonly values: readonly { name: string; number: number }[]
  readonly options: Options
}): string[] => [
  `enum ${one.name} {`,
  ...indented([...optionLines(one.options), ...one.values.map(({ name, number }) => `${name} = ${number};`)]),
  '}',
]
