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
    '\n## What is not passed, and why\n',
    markdownTable(
      ['Files of the suite', 'Drafts', 'Groups', 'Why'],
      reasons.map(([pattern, why]) => {
        const found = outcomes.map(([draft, { gaps }]) => [draft, groupsOf(gaps, pattern)] as const)
        const drafts = found.filter(([, groups]) => groups > 0).map(([draft]) => draft)
        const groups = found.reduce((sum, [, count]) => sum + count, 0)
        return [nameOf(pattern), drafts.join(', '), `${groups}`, why]
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

const groupsOf = (gaps: Gaps, pattern: RegExp): number =>
  Object.entries(gaps)
    .filter(([file]) => pattern.test(file))
    .reduce((sum, [, groups]) => sum + Object.keys(groups).length, 0)

const requiredGaps = (gaps: Gaps): string => {
  const groups = groupsOf(gaps, /^(?!optional\/)/)
  return groups === 0 ? 'all' : `all but ${groups} ${groups === 1 ? 'group' : 'groups'}`
}

const nameOf = (pattern: RegExp): string =>
  `\`${pattern.source
    .replace(/^\^|\$$/g, '')
    .replaceAll('\\/', '/')
    .replaceAll('|', ' or ')}\``
