"""What callers say, as a recogniser writes it down: test data for understanding and retrieval."""

FACTS = """
router_restart | Hi, yeah, the internet's gone down again and I can't get on anything.
router_restart | my wi-fi isn't working
router_restart | The routar has a red light on it
router_restart | I've got no broad band since yesterday
router_restart | nothing will connect to the internet in my house
router_restart | the connection keeps dropping every ten minutes
router_restart | we lost our internet last night and it has not come back
slow_internet | My internet's been really slow for the last two days and I can't watch telly.
slow_internet | netflix keeps buffering every night
slow_internet | the wifi upstairs is terribly slow
slow_internet | I'm paying for fast broadband and the speed is a joke
slow_internet | zoom calls freeze all the time
outage_compensation | Will I get any compensation for the time I was without internet?
outage_compensation | I want my money back for the days it wasn't working
outage_compensation | am I going to be refunded for this outage
outage_compensation | I want to know what you're going to pay me for four days without internet
outage_compensation | do you pay compensasion when the line is down
bill_breakdown | Why has my bill gone up so much this month?
bill_breakdown | I just got a bill for two hundred and forty pounds and I don't understand it
bill_breakdown | you've charged me twice
bill_breakdown | there's a charge on my statement that I don't recognise
bill_breakdown | my bill is way too high
bill_breakdown | This is the third time I'm calling about a wrong bill
direct_debit_date | Can I change the date my direct debit comes out?
direct_debit_date | I'd like to move my direct debbit to the fifteenth
direct_debit_date | could you take the payment after I get paid
direct_debit_date | I want to pay on a different day of the month
meter_reading | I'd like to submit a meter reading please
meter_reading | I've got my metre readings here
meter_reading | how do I read the electric meter
meter_reading | where can I give you my gas reading
moving_home | I'm moving house in three weeks
moving_home | we're moving to a new place in June, what do I need to do
moving_home | I need to tell you about a change of adress
moving_home | can I take the broadband to my new flat
tariff_end | My fixed deal ends next month, what happens then?
tariff_end | what tarif will I go on when my contract finishes
tariff_end | is there an exit fee if my contract is ending
price_change | Why are you putting the price up again?
price_change | I had a letter saying my prices are going up
price_change | another price increase, it's getting too expensive
missed_visit | The engineer never turned up today
missed_visit | I waited in all day and no one came
engineer_visit | what time is the enginner coming tomorrow
engineer_visit | can I rearrange the technician visit
engineer_visit | I need to change my appointment with the engineer
cancel | I want to cancel my broadband
cancel | How do I cancel? I'm going to another provider
cancel | I've changed my mind, I don't want it any more, is there a cooling off period
cancel | please close my account, I'm leaving
late_payment | I can't afford to pay this bill
late_payment | I've lost my job and I don't know how I'm going to pay
late_payment | I'm behind on my payments and I'm worried you'll cut me off
late_payment | can I pay it in installments
late_payment | I need a payment plan
late_payment | I'm really struggling with money at the moment
smart_meter | My smart meter screen has gone blank
smart_meter | how do I get a smart metre installed
smart_meter | the smart meter isn't sending any readings
complaint | I want to make a formal complaint
complaint | I complained three weeks ago and heard nothing
complaint | what's your complaints proceedure
power_cut | we've got a power cut
power_cut | the electric's gone off in the whole street
power_cut | all my lights have gone out
gas_smell | I can smell gas in my hallway
gas_smell | I think there's a gas leak
gas_smell | our carbon monoxide alarm is beeping
bereavement | My husband passed away last month and the account was in his name
bereavement | my mum died and I need to sort out her account
bereavement | I'm calling because my father has passed away
opening_hours | What time do you close today?
opening_hours | are you open on sundays
opening_hours | what are your hours
"""

HELD_OUT = """
router_restart | I can't get on the internet at all this morning
router_restart | my broadband's stopped working again
router_restart | the box has a flashing light and there's no wifi
router_restart | the internet drops out every time I make a video call
slow_internet | it's dead slow upstairs, the wifi I mean
slow_internet | I did a speed test and it's way below what you promised
slow_internet | iplayer freezes constantly
outage_compensation | I've been without broadband for a week, what compensation do I get
outage_compensation | can you credit me for the outage last week
bill_breakdown | you took ninety pounds and it's normally sixty
bill_breakdown | could you explain the charges on this bill
bill_breakdown | I think I've been billed twice this month
direct_debit_date | I'd like my direct debit moved to after the twenty-fifth
meter_reading | how do I send in my meter readings
meter_reading | I don't think my estimated reading is right
moving_home | I've just bought a house and I'm moving on the third
moving_home | I need to change my address with you
tariff_end | what happens at the end of my fixed term
price_change | how come the price has gone up
price_change | I got an email about an increase
engineer_visit | I need somebody to come out and check the line
engineer_visit | the engineer's booked for tomorrow and I need to move it
missed_visit | I took the day off and your engineer didn't come
cancel | how much notice do I need to give to cancel
cancel | I'm switching to someone cheaper
late_payment | I'm struggling to pay my bills since I was made redundant
late_payment | is there any help for people who can't pay
smart_meter | my smart meter's stopped working
smart_meter | I'd like to book a smart meter installation
complaint | how do I put in a complaint
complaint | who's dealing with my complaint
power_cut | our electricity has just gone off
gas_smell | there's a smell of gas outside my front door
gas_smell | I think my boiler is leaking gas
bereavement | I'm ringing about my dad's account, he died in March
opening_hours | when does your call centre open on a Saturday
"""

ELSEWHERE = """
I brought my car in last week and the brakes are still squeaking
Hi, I'm calling about an oil change for my Ford
can I order a pizza
I'd like to book a table for two
what's the weather like today
my card has been stolen
I want to know when my parcel will be delivered
what is the exchange rate for euros
it's a two thousand and fifteen Honda Civic
can I bring it in on Thursday
okay thank you
my name is John Smith
that sounds good
is that covered under the warranty
do you sell televisions
I need a new tyre
well I've been a customer for ten years
my daughter is at school
how long does it take
tell me a joke
who won the football
how much will that cost
"""

HUMAN = """
I want to speak to a real person
can I talk to a human please
Representative!
representative, representative
Agent please
speak to an agent
operator
get me your manager
I'd like to speak with a supervisor
put me through to someone
put me through
can you transfer me to customer service
transfer me please, transfer me
I don't want to talk to a robot
I'm sick of talking to a machine
is there someone I can speak to
is there a real person there
can somebody human help me
let me talk to somebody
I need to speak to someone about my bill
connect me to an adviser
give me a human being
I'd rather speak to a person
stop, I want a person
no, a real human
just get me someone else
can someone call me back
I want to talk to a member of your team
could you pass me over to a colleague
is there anyone available I can talk to
I said I want an operator
pass me on to the boss, I mean let me speak to your boss
human
speak to someone human
I need a representitive
"""

NOT_HUMAN = """
are you a real person
am I talking to a robot
is this a human or a machine
I don't want to speak to a human, you're fine
nobody came on Tuesday
I was talking to someone yesterday about this
someone rang me this morning
the estate agent gave me the keys
my manager pays the bill
I need an engineer
can you help me with my bill
I want to know how many people can use it
there are four people in my house
I live with another person
can someone else read the meter
my internet is slow
"""

OPT_OUT = """
stop analysing my voice
please don't track my emotions
I don't want you to analyse how I feel
turn off the emotion thing
I'd like to opt out of the voice analysis
opt out
I want to opt out please
no emotion analysis
stop listening to my tone
stop monitoring my mood
I don't consent to you reading my emotions
don't analyze my voice please
can you switch off the emotion tracking
I object to having my feelings analysed
I'd rather you didn't estimate how I sound
do not judge my mood
stop tracking how I feel
please turn the voice analysis off
I do not want my voice to be analysed
"""

NOT_OPT_OUT = """
I want to opt out of paper bills
stop my direct debit
don't turn off my internet
my voice keeps breaking up on calls
I feel like you are not listening
I don't like the tone of that letter
stop sending me emails
I don't know how I feel about that tariff
"""

CRISIS = """
I want to kill myself
I'm going to kill myself
I don't want to live any more
I just want to die
I want to end my life
I'm thinking about ending it all
I've been having suicidal thoughts
I feel suicidal
I'm thinking of suicide
I want to hurt myself
I've been harming myself
I keep self harming
there's no point in living
I've got nothing left to live for
life is not worth living
it's not worth living
everyone would be better off without me
they'd be better off without me
I'd be better off dead
I wish I was dead
I wish I were dead
I wish I was never born
I don't want to be alive
I don't want to be here anymore
I can't go on anymore
I'm tired of living
I'm tired of life
I might just jump off a bridge
I'm going to jump in front of a train
I've taken all my tablets
I've swallowed all the pills
I took an overdose
I want to overdose
I'm going to hang myself
I could cut myself
I'm going to shoot myself
I want to take my own life
I'm going to take my life
I'm ready to die
I'm planning to die tonight
I don't want to wake up tomorrow
I don't want to exist
there's no reason to live
I see no reason to go on living
I can't cope with life
I just can't cope any more
he's hitting me
my husband is hurting me
my boyfriend keeps hitting me
he's going to kill me
she's threatening to kill me
I'm in danger
we are in danger
I'm not safe at home
I'm having a heart attack
I can't breathe
I've got chest pains
my wife is unconscious
he's not breathing
my house is on fire
the meter is on fire
I can't pay and honestly I just want to end it all
hang myself, that's what I'll do
what's the point in living
I want to be dead
"""

HARMLESS = """
this bill is killing me
I could kill for a decent connection
my phone just died
the battery died
the router is dead
I'd rather die than pay that
I nearly died laughing
I was dying to tell you
that broadband is to die for
I shot myself in the foot with that contract
I'm bored to death on hold
the internet keeps dying
my connection is dead again
kill the contract
I want to end my contract
I want to end it
end the call please
I don't want to be here all day
I can't go on paying this
I can't cope with this wifi
I can't live without internet
I want to cancel my life insurance
end my life insurance
the suicide squad film keeps buffering
my husband died last year
my mother passed away
there's no point in calling you
no point in having broadband
I'm tired of waiting
I'm sick of this
I'm tired of this company
I hurt my back so I can't reach the meter
I cut the cable by accident
I cut myself off by pressing the wrong button
the cat is hitting the router
you're killing my patience
I nearly killed myself laughing
I jumped on the website
I fell off a ladder putting up the aerial
the line is breaking up
it's a matter of life and death for my business
my oven is on
the boiler has gone out
can I breathe easy now
I never want to deal with you again
I'm done with you
I've had enough of this
I give up
we lost everything when the power went
it's the end of the line
I'll be dead before you answer
you'll be the death of me
don't shoot the messenger
my dog is dangerous so warn the engineer
I'm dead serious
I'm over it
"""


def lines(block: str) -> list[str]:
    """The lines of a block that hold something."""
    return [line.strip() for line in block.splitlines() if line.strip()]
