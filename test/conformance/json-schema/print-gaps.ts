/** Writes `gaps.json` anew from what fails now. */
import { writeFileSync } from 'node:fs'
import { type Draft, drafts, runDraft } from './suite.ts'

const outcomes = Object.fromEntries((Object.keys(drafts) as Draft[]).map((draft) => [draft, runDraft(draft)]))
writeFileSync(new URL('gaps.json', import.meta.url), `${JSON.stringify(outcomes, null, 1)}\n`)
for (const [draft, { passed, tests }] of Object.entries(outcomes)) console.log(`${draft}: ${passed} of ${tests}`)
