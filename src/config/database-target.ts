/** Where PostgreSQL is: what `DATABASE_URL` says. */

export type DatabaseTarget = {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string | undefined
  readonly database: string
  readonly tls: {
    readonly mode: 'off' | 'unverified' | 'verified'
    /** File of the certificates that are trusted; those that Node trusts where it is absent. */
    readonly rootCertificate: string | undefined
  }
}

const MODES: Readonly<Record<string, DatabaseTarget['tls']['mode']>> = {
  disable: 'off',
  require: 'unverified',
  'verify-full': 'verified',
}
const defaultPort = 5_432

/** Undefined where it is no URL of PostgreSQL, or has a parameter that is not known here. */
export function parseDatabaseUrl(text: string): DatabaseTarget | undefined {
  if (!/^postgres(?:ql)?:\/\//.test(text) || !URL.canParse(text)) return undefined
  const url = new URL(text)
  const database = decoded(url.pathname.slice(1))
  const user = decoded(url.username)
  if (url.hostname === '' || !user || !database || database.includes('/') || url.hash !== '') return undefined
  const known = ['sslmode', 'sslrootcert']
  if ([...url.searchParams.keys()].some((name) => !known.includes(name))) return undefined
  const mode = MODES[url.searchParams.get('sslmode') ?? 'disable']
  if (mode === undefined) return undefined
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? defaultPort : Number(url.port),
    user,
    password: url.password === '' ? undefined : decoded(url.password),
    database,
    tls: { mode, rootCertificate: url.searchParams.get('sslrootcert') ?? undefined },
  }
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

/** Whether nothing that goes there leaves this machine. */
export function isLoopback({ host }: Pick<DatabaseTarget, 'host'>): boolean {
  return host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host)
}
