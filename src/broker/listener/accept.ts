import type { Connection } from '../connection.ts'
import type { Link } from '../output/link.ts'
import type { Visitor } from './gate.ts'

/** Makes the connection for a link; null when there are too many. */
export type Accept = (link: Link, visitor: Visitor) => Connection | null
