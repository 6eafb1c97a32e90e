import type { Connector } from '../contract/connector.ts'
import { TrestleError } from '../contract/error.ts'

/** Name of a type to the import of its code, as `connectors/index.ts` lists them. */
export type ConnectorList = Readonly<Record<string, () => Promise<{ default: Connector }>>>

/** Imports connectors when they are first needed: who has no Kafka does not load a Kafka client. */
export class ConnectorModules {
  readonly #url: string
  #list: Promise<ConnectorList> | null = null

  constructor(url: string) {
    this.#url = url
  }

  /** *Errors*: E107 (no such type), E609 (its code cannot be loaded). */
  async find(type: string): Promise<Connector> {
    this.#list ??= loadList(this.#url)
    const load = (await this.#list)[type]
    if (load === undefined) throw new TrestleError('E107', `there is no connector of type ${type}`)
    try {
      return (await load()).default
    } catch (thrown) {
      throw new TrestleError('E609', `connector ${type} cannot be loaded: ${(thrown as Error).message}`, {
        cause: thrown,
      })
    }
  }
}

const loadList = async (url: string): Promise<ConnectorList> => {
  try {
    const module = (await import(url)) as { connectors?: ConnectorList; default?: ConnectorList }
    return module.connectors ?? module.default ?? {}
  } catch (thrown) {
    throw new TrestleError('E609', `the list of connectors cannot be loaded: ${(thrown as Error).message}`, {
      cause: thrown,
    })
  }
}
