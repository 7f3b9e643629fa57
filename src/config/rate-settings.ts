/** The settings of how many requests a caller may make. */
import { rateQuotaMax } from '../limits.ts'
import { networks, whole } from '../setting.ts'

export type RateName =
  | 'customer'
  | 'address'
  | 'address-customers'
  | 'key'
  | 'login'
  | 'login-address'
  | 'registration'

export const rateSettings = {
  rateCustomer: whole('RATE_CUSTOMER', [0, rateQuotaMax], 20, {
    meaning: 'Requests a second of one customer, and as many at once; 0 for no limit, here and below',
    example: '20',
  }),
  rateAddress: whole('RATE_ADDRESS', [0, rateQuotaMax], 100, {
    meaning: 'Requests a second without a token from one IPv4 address or IPv6 /64',
    example: '100',
  }),
  rateAddressCustomers: whole('RATE_ADDRESS_CUSTOMERS', [0, rateQuotaMax], 0, {
    meaning: 'Requests a second of all customers of one address together; whole towns can share one',
    example: '2000',
  }),
  rateKey: whole('RATE_KEY', [0, rateQuotaMax], 0, {
    meaning: 'Requests a second of one API key, the admin key included',
    example: '5000',
  }),
  rateLogin: whole('RATE_LOGIN', [0, rateQuotaMax], 10, {
    meaning: 'Failed logins to one account from one address in 15 minutes, and as many at once',
    example: '10',
  }),
  rateLoginAddress: whole('RATE_LOGIN_ADDRESS', [0, rateQuotaMax], 100, {
    meaning: 'Failed logins from one address in a minute, whatever the accounts',
    example: '100',
  }),
  rateRegistration: whole('RATE_REGISTRATION', [0, rateQuotaMax], 100, {
    meaning: 'Accounts made from one address in a minute, and as many at once',
    example: '100',
  }),
  trustedProxies: networks('TRUSTED_PROXIES', {
    meaning:
      'Networks of your own load balancers, separated by commas; what they say in `X-Forwarded-For` or `Forwarded` is believed',
    example: '10.0.0.0/8,fd00::/8',
    fallbackText: 'none: the other end of the connection counts',
  }),
}
