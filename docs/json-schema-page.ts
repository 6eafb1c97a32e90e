import { readFileSync } from 'node:fs'
import { markdownTable } from '../src/document/markdown.ts'
import { type Gaps, reasons } from '../test/conformance/json-schema/suite.ts'

interface Outcome {
  readonly tests: number
  readonly passed: number
  readonly gaps: Gaps
}

/** `docs/reference/json-schema.md`: how the official suite is passed, and what is not. */
export function jsonSchemaPage(printed: string): string {
  const file = new URL('../test/conformance/json-schema/gaps.json', import.meta.url)
  const outcomes = Object.entries(JSON.parse(readFileSync(file, 'utf8')) as Record<string, Outcome>)
  return [
    '# JSON Schema',
    printed,
    introduction,
    '## The official suite\n',
    markdownTable(
      ['Draft', 'Tests', 'Passed', 'Of the required part'],
      outcomes.map(([draft, { tests, passed, gaps }]) => [draft, `${tests}`, `${passed}`, requiredGaps(gaps)]),
    ),
    '## What is not passed, and why\n',
    markdownTable(
      ['Files of the suite', 'Drafts', 'Groups refused', 'Groups judged otherwise', 'Why'],
      reasons.map(([pattern, why]) => {
        const found = outcomes.map(([draft, { gaps }]) => [draft, groupsOf(gaps, pattern)] as const)
        const drafts = found.filter(([, groups]) => groups.length > 0).map(([draft]) => draft)
        const groups = found.flatMap(([, some]) => some)
        const refused = groups.filter((tests) => tests === 'all').length
        return [nameOf(pattern), drafts.join(', '), `${refused}`, `${groups.length - refused}`, why]
      }),
    ),
    '',
  ].join('\n')
}

const introduction = `Payloads are held against JSON Schema drafts 4, 6, 7, 2019-09 and 2020-12, as \`$schema\` says; 2020-12 where it says
nothing. The check is ajv's, with patterns in linear time, \`uniqueItems\` and long \`enum\`s by sets, and a budget for
what one payload may cost. Formats are asserted. Nothing is ever fetched: what a \`$ref\` leads to stands in the schema
or among its references. \`$async\` and dialects of one's own are refused.
`

/** What fails in the groups of some files. */
const groupsOf = (gaps: Gaps, pattern: RegExp): (readonly string[] | 'all')[] =>
  Object.entries(gaps)
    .filter(([file]) => pattern.test(file))
    .flatMap(([, groups]) => Object.values(groups))

const requiredGaps = (gaps: Gaps): string => {
  const { length } = groupsOf(gaps, /^(?!optional\/)/)
  return length === 0 ? 'all' : `all but ${length} ${length === 1 ? 'group' : 'groups'}`
}

const nameOf = (pattern: RegExp): string =>
  `\`${pattern.source
    .replace(/^\^|\$$/g, '')
    .replaceAll('\\/', '/')
    .replaceAll('|', ' or ')}\``
