import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'

const root = fileURLToPath(new URL('../..', import.meta.url))
const read = (...path: string[]): string => readFileSync(join(root, ...path), 'utf8')

/** What a user copies from a guide, or finds in `config/examples`. */
export interface Written {
  /** Where it stands, for messages. */
  readonly place: string
  /** The configuration, as text. */
  readonly config: string
  /** Rules by name, as text; tables by their whole name. */
  readonly rules: Readonly<Record<string, string>>
  /** JSON Schemas by subject; others as text, by their path. */
  readonly schemas: Readonly<Record<string, unknown>>
  /** Lines of the shell that publish. */
  readonly publishes: readonly string[]
}

/** The files of a guide: YAML blocks that begin with their file's name, and JSON blocks below a line that names it. */
export function guide(name: string): Written {
  const place = `docs/guides/${name}.md`
  const page = read(place)
  const yaml = new Map(
    [...page.matchAll(/^```yaml\n# (\S+\.yaml)\n([\s\S]*?)^```/gm)].map(([, file, text]) => [file!, text!]),
  )
  const json = [...page.matchAll(/`schemas\/([\w-]+)\/1\.json`:\n\n```json\n([\s\S]*?)^```/gm)]
  const rules = [...yaml].filter(([file]) => file.startsWith('rules/'))
  const config = yaml.get('config/trestle.yaml')
  if (config === undefined) throw new Error(`${place} shows no config/trestle.yaml`)
  return {
    place,
    config,
    rules: Object.fromEntries(rules.map(([file, text]) => [ruleOf(file), text])),
    schemas: Object.fromEntries(json.map(([, subject, text]) => [subject!, JSON.parse(text!) as unknown])),
    publishes: [...page.matchAll(/^trestle publish .*$/gm)].map(([line]) => line),
  }
}

/** An example of `config/examples` with the rules and schemas it names. */
export function example(name: string): Written {
  const place = `config/examples/${name}.yaml`
  const config = read(place)
  const named = parse(config) as { rules: string; schemas: string }
  const folder = join(dirname(place), named.rules)
  const schemas = join(dirname(place), named.schemas)
  return {
    place,
    config,
    rules: Object.fromEntries(
      filesIn(folder)
        .filter((file) => /\.(yaml|csv)$/.test(file))
        .map((file) => [ruleOf(file), read(folder, file)]),
    ),
    schemas: Object.fromEntries(filesIn(schemas).map((subject) => schemaOf(schemas, subject))),
    publishes: [],
  }
}

/** The first version of a subject. */
function schemaOf(folder: string, subject: string): [string, unknown] {
  const [file = ''] = filesIn(join(folder, subject)).filter((name) => name.startsWith('1.'))
  const text = read(folder, subject, file)
  return file === '1.json' ? [subject, JSON.parse(text) as unknown] : [`${subject}/${file}`, text]
}

const filesIn = (folder: string): string[] => (existsSync(join(root, folder)) ? readdirSync(join(root, folder)) : [])
const ruleOf = (file: string): string => file.replace(/^.*\//, '').replace(/\.yaml$/, '')
