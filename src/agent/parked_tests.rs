use super::*;

#[test]
fn a_turn_that_is_given_up_while_its_interrupt_is_on_its_way_does_not_go_on_when_it_ends() {
    let id = SessionId::random();
    let mut parked = Parked::default();
    parked.cut(id, "max_tokens");
    assert_eq!(parked.ended(id, TurnStatus::Interrupted), (Some("max_tokens".to_owned()), true));
    parked.cut(id, "max_tokens");
    parked.give_up();
    assert_eq!(parked.ended(id, TurnStatus::Interrupted), (Some("max_tokens".to_owned()), false));
}
