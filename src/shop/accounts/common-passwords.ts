/** Passwords that everybody tries first, of those that are long enough to be taken: the top of what leaks have in common. */
export const commonPasswords: ReadonlySet<string> = new Set(
  `
01234567 012345678 0123456789 0987654321 11223344 1122334455 112233445566 12312312 123123123 123123123123
123321123 12341234 12344321 12345123 1234512345 123454321 1234554321 123456123 123456654321 12345678
123456780 123456789 1234567890 1234567891 12345678910 1234567899 123456789a 123456789q 12345678a 12345678q
1234567a 123456aa 123456abc 12345abc 1234abcd 1234qwer 1234senha 123abc123 123password 123qweasd
123qweasdzxc 1q2w3e4r 1q2w3e4r5t 1q2w3e4r5t6y 1qaz2wsx 1qaz2wsx3edc 1qaz@wsx 1qazxsw2 1qazzaq1 87654321
876543210 987654321 9876543210 a1234567 a12345678 a123456789 a1b2c3d4 a1b2c3d4e5 a1s2d3f4 aa123456
aa12345678 aaaa1111 aabbccdd ab123456 abc12345 abc123456 abc123abc abcabcabc abcd1234 abcd12345 abcdefgh
abcdefghi abcdefghij access123 access14 admin123 admin123! admin1234 admin12345 admin123456 admin2020
admin2021 admin2022 admin2023 admin2024 admin2025 admin@123 adminadmin administrator alexander alexander1
alexandra alexandra1 america1 american andrew123 android1 angel123 angels123 anthony1 arsenal1 arsenal123
asdasdasd asdf1234 asdfasdf asdfghjk asdfghjkl asdfghjkl1 asdfjkl; asdfqwer ashley123 asshole1 autumn2024
autumn2025 azerty12 azerty123 azertyui azertyuiop babyboy1 babygirl babygirl1 barcelona barcelona1
baseball baseball1 baseball12 basketball basketball1 batman123 beautiful beautiful1 benjamin benjamin1
besiktas beyonce1 birthday birthday1 bitchass blackberry bleach123 blessed1 blessing bonjour1 bonjour123
brasil123 brittany bullshit buster123 butterfly butterfly1 callofduty canada123 caroline celtic123
changeit changeme changeme! changeme1 changeme123 charlie1 cheese123 chelsea1 chelsea123 chevrolet
chicken1 chicken123 chocolate chocolate1 christina christine christmas christmas1 computer computer1
contrasena contraseña cookie123 corinthians correcthorse correcthorsebatterystaple corvette counterstrike
cowboys1 cutiepie cutiepie1 daniel123 danielle database december default1 default123 demo1234 deutschland
diamond1 dolphin1 doudou123 dragon12 dragon123 dragonball dragonballz elephant elizabeth eminem123
estrella1 everything example1 example123 facebook facebook1 february fenerbahce fernando ferrari1
ficken123 flamengo flower123 flowers1 football football1 football12 football123 fortnite1 frankreich
freedom1 freedom123 fuckoff1 fuckyou! fuckyou1 fuckyou123 fuckyou2 gabriel1 gabriela gabriella galatasaray
gameboy1 gangsta1 gangster geheim123 germany1 ginger123 gladiator godisgood golden123 goodluck1 google123
gorgeous guest123 guestguest hallelujah hallo123 hallo1234 halloween hardcore haslo1234 heavenly hello123
hello123! hello1234 hello12345 hellohello hellokitty helloworld hellsing heslo123 holdfast holdfast1
holdfast123 hunter12 hunter123 hunter2hunter2 iamgroot ilovegod iloveher ilovehim ilovejesus iloveme1
iloveu123 iloveyou iloveyou! iloveyou1 iloveyou12 iloveyou123 iloveyou2 instagram internet internet1
iphone123 jelszo123 jennifer jessica1 jesus123 jesuschrist jonathan jordan123 jordan23 juventus kangaroo
kennwort1 killer123 lakers24 leagueoflegends letmein! letmein1 letmein12 letmein123 letmein2 letmeinnow
liberty1 lightning linkedin liverpool liverpool1 lkjhgfdsa loesje123 login123 logmein1 losenord1 lovelove
lovelovelove loveme123 loverboy lovergirl loveyou1 lozinka1 manchester manchester1 manutd123 marseille
master12 master123 masterchief matthew1 maverick mercedes metallica metallica1 mexico123 michael1 michelle
microsoft minecraft minecraft1 mnbvcxz1 mnbvcxzlkj monkey12 monkey123 motdepasse motorola mustang1
mypassword mypassword1 mysecret myspace1 myspace123 naruto123 natasha1 newpassword newpassword1 nicholas
nintendo nintendo1 nirvana1 nopassword nothing1 november onepiece opensesame oracle123 overwatch p455w0rd
p@$$w0rd p@ssw0rd p@ssw0rd! p@ssw0rd1 p@ssw0rd123 p@ssword p@ssword1 pa$$word pa55w0rd pa55word palmeiras
panther1 parol123 parola12 parola123 pass1234 pass12345 pass123456 passpass passw0rd passw0rd! passw0rd.1
passw0rd1 passw0rd123 password password! password!1 password.1 password0 password00 password007 password01
password1 password1! password10 password11 password12 password12! password123 password123! password1234
password12345 password123456 password13 password2 password21 password22 password23 password3 password4
password5 password6 password69 password7 password77 password8 password9 password99 passwords passwort
passwort1 passwort123 patricia pepper123 phantom1 phoenix1 pikachu123 platinum playstation poiuytrewq
pokemon1 pokemon123 predator princess princess1 princess12 princess123 pussycat q1w2e3r4 q1w2e3r4t5
q1w2e3r4t5y6 qazwsx12 qazwsx123 qazwsxedc qazwsxedcrfv qwe123qwe qweasd123 qweasdzxc qweqweqwe qwerty00
qwerty1! qwerty12 qwerty123 qwerty123! qwerty1234 qwerty12345 qwerty123456 qwerty321 qwertyqwerty qwertyu1
qwertyui qwertyuiop qwertyuiop123 qwertz123 qwertzui qwertzuiop rainbow1 rainbow123 rangers1 realmadrid
richard1 rockstar rockstar1 rockyou1 root1234 rootroot salasana samantha samantha1 sample123 samsung1
samsung123 sasuke123 saturday saturday1 schatzi1 secret12 secret123 secretsecret senha123 senha1234
september server123 shadow12 shadow123 sifre123 silver123 slipknot slipknot1 slippery snickers soccer12
soccer123 softball softball1 soleil123 something spartan1 spartan117 spiderman spiderman1 spring2024
spring2025 starcraft starwars starwars1 steelers steelers1 stephanie stephen1 summer01 summer123
summer2020 summer2021 summer2022 summer2023 summer2024 summer2025 sunshine sunshine1 sunshine12
sunshine123 superman superman1 superman123 supersecret superstar superstar1 sweetheart sweetie1 swimming
system123 teamomucho temp1234 temppass tequiero terminator test1234 test12345 test123456 testing1
testing123 testpass testpassword testtest testtest1 thepassword thomas123 thunder1 tigger123 toor1234
topsecret trustno1 trustno1! twitter1 unicorn1 unicorn123 user1234 username useruser valentina valentine
veronica victoria volleyball wachtwoord warcraft1 warriors wednesday welcome! welcome01 welcome1 welcome1!
welcome12 welcome123 welcome123! welcome2 welcometo welkom01 welkom123 whatever whatever1 william1
windows1 windows10 winter123 winter2020 winter2021 winter2022 winter2023 winter2024 winter2025
worldofwarcraft yamaha123 yankees1 yourpassword youtube1 zaq12wsx zaq1xsw2 zaq1zaq1 zxcvbnm, zxcvbnm1
zxcvbnm123 zxcvbnmz zxczxczxc
`
    .trim()
    .split(/\s+/),
)
